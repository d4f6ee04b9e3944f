# SPDX-License-Identifier: Apache-2.0
"""What conf/ shows is what the servers take."""
import os
import pathlib
import re

import wdtest

TOP = pathlib.Path(__file__).resolve().parents[2]
SERVERS = {"nginx": "/usr/sbin/nginx", "haproxy": "/usr/sbin/haproxy",
           "apache": "/usr/sbin/apache2"}


class Conf(wdtest.ProviderTest):
    def setUp(self):
        super().setUp()
        for name, how in (("rsa", ("rsa:2048",)),
                          ("ec", ("ec", "-pkeyopt",
                                  "ec_paramgen_curve:P-256"))):
            self.openssl("req", "-x509", "-newkey", *how, "-nodes", "-subj",
                         "/CN=localhost", "-keyout", self.path("key"), "-out",
                         self.path("cert"), conf="/etc/ssl/openssl.cnf")
            self.write(name + ".pem", self.read("key") + self.read("cert"))

    def server(self, name):
        if not os.access(SERVERS[name], os.X_OK):
            self.skipTest(name + " is not installed")
        return SERVERS[name]

    def example(self, name, **more):
        """The file, with this test's folder in the place of the system's."""
        text = (TOP / "conf" / name).read_text()
        for old, new in {**more, "/etc/ssl/private": self.dir}.items():
            text = text.replace(old, new)
        return self.write(name, text)

    def env_wd(self):
        return self.env(device="emu", conf=str(TOP / "conf/openssl-wd.cnf"))

    def takes(self, *argv):
        r = self.run_program(*argv, env=self.env_wd())
        self.assertEqual(r.rc, 0, str(r))
        return r

    def test_nginx_takes_its_example(self):
        nginx = self.server("nginx")
        conf = self.example("nginx.conf", **{
            "/run/nginx.pid": self.path("pid"),
            "/var/log/nginx/error.log": self.path("log"),
            "/var/www/html": self.dir,
            "listen 443": f"listen 127.0.0.1:{wdtest.free_port()}"})
        self.takes(nginx, "-t", "-p", self.dir, "-c", conf, "-e",
                   self.path("log"))

    def test_haproxy_takes_its_example(self):
        haproxy = self.server("haproxy")
        conf = self.example("haproxy.cfg", **{
            "/etc/haproxy/site.pem": self.path("rsa.pem"),
            "/usr/lib/x86_64-linux-gnu/ossl-modules": wdtest.MODULES,
            "group wd": "group haproxy"})
        r = self.takes(haproxy, "-c", "-f", conf)
        self.assertNotIn("WARNING", r.text + r.err)

    def test_apache_takes_its_example(self):
        apache = self.server("apache")
        conf = self.example("apache.conf", **{
            "/var/www/html": self.dir,
            "Listen 443": f"Listen 127.0.0.1:{wdtest.free_port()}"})
        modules = "".join(
            f"LoadModule {m}_module /usr/lib/apache2/modules/mod_{m}.so\n"
            for m in ("mpm_event", "authz_core", "socache_shmcb", "ssl"))
        top = self.write("apache2.conf", f"ServerRoot {self.dir}\n{modules}"
                         f"PidFile {self.path('pid')}\nErrorLog "
                         f"{self.path('log')}\nInclude {conf}\n")
        self.takes(apache, "-t", "-f", top)

    def test_every_example_is_told_of(self):
        page = (TOP / "docs/servers.md").read_text()
        for path in (TOP / "conf").rglob("*"):
            if path.is_file():
                self.assertIn(f"(../{path.relative_to(TOP)})", page)

    def test_units_name_settings_of_systemd(self):
        for path in (TOP / "conf/systemd").glob("*.conf"):
            body = re.sub(r"^#.*\n", "", path.read_text(), flags=re.M)
            self.assertTrue(body.startswith("[Service]\n"), path)
            for line in body.splitlines()[1:]:
                self.assertRegex(line, r"^(Environment|Limit[A-Z]+)=\S+$")


if __name__ == "__main__":
    wdtest.main()
