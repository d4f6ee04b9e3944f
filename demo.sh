#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# demo.sh: wd at work, on any Debian 12 machine, with or without accelerators.
#
#   ./demo.sh            build, list, measure, serve HTTPS through nginx
#   WD_DEVICE=hisi_hpre-0,hisi_sec2-1 ./demo.sh     on real devices instead
#
# Installs what is missing (root or sudo).  A second run takes under a minute.
set -euo pipefail
top=$(cd "$(dirname "$0")" && pwd)
cd "$top"
case ${1-} in
  -h|--help) sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 0 ;;
esac

bold=$(tput bold 2>/dev/null || true) plain=$(tput sgr0 2>/dev/null || true)
say() { printf '\n%s== %s ==%s\n' "$bold" "$*" "$plain"; }

say "1. Build"
tools/deps.sh build demo
cmake --preset release >build.log 2>&1 || { cat build.log; exit 1; }
rm -f build.log
cmake --build --preset release --target wd wd_emu_module wdctl wdbench

# Everything below lives in one folder and ends with this script.
work=$(mktemp -d "${TMPDIR:-/tmp}/wd-demo.XXXXXX")
nginx_pid=
# shellcheck disable=SC2317 # called by trap
cleanup() {
  if [ -n "$nginx_pid" ]; then
    kill "$nginx_pid" 2>/dev/null || true
    wait "$nginx_pid" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

export OPENSSL_MODULES=$top/build/provider
export WD_DEVICE=${WD_DEVICE-emu}
export OPENSSL_CONF=/dev/null

say "2. The provider and its device"
openssl list -providers -verbose -provider wd | grep -v 'gettable\|^ *wd-\|string\|integer'
case $WD_DEVICE in
  emu*)
    build/tools/wdctl list --device "$WD_DEVICE"
    echo
    echo "The device is a MODEL of Kunpeng's accelerators, computing in threads of each"
    echo "process.  It shows that everything works; its speed is that of this CPU, not"
    echo "of silicon.  What silicon saves is the column 'app CPU/op'." ;;
  *) build/tools/wdctl list ;;
esac

say "3. openssl speed: software, wd, wd with 64 ASYNC jobs"
openssl version
/usr/bin/python3 tools/speed_table.py

echo
echo "wdbench: CPU the application spends, the model repeating results it knows"
case $WD_DEVICE in emu*) device=$WD_DEVICE,replay device=${device/emu,/emu:} ;; *) device=$WD_DEVICE ;; esac
build/tools/wdbench --device "$device" --jobs 64 --callback --seconds 0.3 \
  rsa2048-sign ecdsap256-sign x25519 | sed -n '3,10p' | cut -c1-97

say "4. nginx, unchanged, with conf/openssl-wd.cnf"
mkdir -p "$work/www" "$work/stats" "$work/tmp"
chmod 755 "$work"
for size in 1 16 256 4096; do
  head -c ${size}K /dev/urandom >"$work/www/file-$size.bin"
done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost \
  -keyout "$work/key.pem" -out "$work/cert.pem" -config /etc/ssl/openssl.cnf 2>/dev/null
port=$(env PYTHONPATH=test /usr/bin/python3 -c 'import wdtest; print(wdtest.free_port())')
user=
if [ "$(id -u)" -eq 0 ]; then user="user www-data;"; chown -R www-data "$work"; fi
cat >"$work/nginx.conf" <<CONF
daemon off; worker_processes 2; pid nginx.pid; $user error_log error.log notice;
env OPENSSL_CONF; env OPENSSL_MODULES; env WD_DEVICE;
events { worker_connections 512; }
http {
  log_format tls "\$ssl_protocol \$ssl_cipher \$ssl_session_reused";
  access_log access.log tls;
  client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f;
  uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
  server {
    listen 127.0.0.1:$port ssl; root www;
    ssl_certificate cert.pem; ssl_certificate_key key.pem;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
  }
}
CONF
OPENSSL_CONF=$top/conf/openssl-wd.cnf WD_STATS=$work/stats \
  /usr/sbin/nginx -p "$work" -c nginx.conf -e "$work/error.log" &
nginx_pid=$!
for _ in $(seq 100); do
  curl -s -o /dev/null --cacert "$work/cert.pem" "https://localhost:$port/file-1.bin" && break
  kill -0 $nginx_pid 2>/dev/null || { cat "$work/error.log"; exit 1; }
  sleep 0.1
done

bad=0
for version in 1.2 1.3; do
  for size in 1 16 256 4096; do
    want=$(sha256sum <"$work/www/file-$size.bin")
    got=$(curl -s --cacert "$work/cert.pem" --tlsv$version --tls-max $version \
      "https://localhost:$port/file-$size.bin" | sha256sum)
    if [ "$want" = "$got" ]; then verdict=same; else verdict=DIFFERENT; bad=1; fi
    printf 'curl, TLS %s, %5s KiB: %s bytes as on disk\n' $version $size $verdict
  done
  flag=-tls${version/./_}
  openssl s_time -connect "127.0.0.1:$port" -new -time 2 "$flag" \
    -www /file-16.bin -CAfile "$work/cert.pem" 2>&1 |
    sed -n "s/^\([0-9]* connections in .*real seconds.*\)/s_time, TLS $version: \1/p"
done

kill -QUIT $nginx_pid
wait $nginx_pid || true
nginx_pid=
echo
echo "what went through wd's queues in nginx's workers:"
build/tools/wdctl stats "$work/stats"
# Not through a pipe: grep -q closes it early, and wdctl would be the failure.
counters=$(build/tools/wdctl stats -j "$work/stats")
for kind in rsa-private aes-gcm; do
  grep -Eq "\"$kind\": *\{\"jobs\": *[1-9]" <<<"$counters" ||
    { echo "no $kind job was offloaded"; bad=1; }
done
case $WD_DEVICE in emu*) echo "(device: the model, not silicon)" ;; esac
exit $bad
