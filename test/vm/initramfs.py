# SPDX-License-Identifier: Apache-2.0
"""The guest's first file system: busybox, kernel modules in the order in
which they can be loaded, and the guest's scripts, as a cpio archive."""

import gzip
import os
import re
import subprocess

DRIVERS = {'hpre': 'hisi_hpre', 'sec': 'hisi_sec2', 'zip': 'hisi_zip'}

# What the kernel would load on demand: software twins of the algorithms,
# which the drivers fall back to and the self-tests compare with.
TWINS = ['sm4_generic', 'ecb', 'ctr', 'xts', 'ccm', 'gcm', 'ghash-generic',
         'des_generic', 'sha512_generic', 'drbg', 'authenc',
         'ecdh_generic', 'curve25519-generic', 'seqiv', 'echainiv',
         'cmac', 'essiv', 'dm-crypt', 'dm-mod', 'algif_skcipher', 'loop']


def canonical(name):
    return name.replace('-', '_')


class Modules:
    """All modules of one kernel: Debian's and mainline's drivers."""

    def __init__(self, *roots):
        self.files = {}
        for root in roots:
            for folder, _, names in os.walk(root):
                for name in names:
                    m = re.fullmatch(r'(.+)\.ko(\.xz)?', name)
                    if m:
                        self.files[canonical(m[1])] = os.path.join(folder,
                                                                   name)

    def read(self, name):
        path = self.files[name]
        if path.endswith('.xz'):
            return subprocess.run(['xz', '-dc', path], check=True,
                                  stdout=subprocess.PIPE).stdout
        with open(path, 'rb') as f:
            return f.read()

    def depends(self, name):
        info = re.search(rb'\0depends=([^\0]*)\0', self.read(name))
        return [canonical(d) for d in info[1].decode().split(',') if d]

    def order(self, names):
        """names and all they need, each after what it needs; names that this
        kernel has built in or not at all are left out"""
        done = []

        def visit(name):
            if name in done or name not in self.files:
                return
            for d in self.depends(name):
                visit(d)
            done.append(name)

        for name in names:
            visit(canonical(name))
        return done


class Cpio:
    """A cpio archive of the form newc."""

    def __init__(self):
        self.out = bytearray()
        self.count = 0
        self.folders = set()

    def _entry(self, name, mode, data=b''):
        self.count += 1
        field = [self.count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
                 len(name) + 1, 0]
        self.out += b'070701' + b''.join(b'%08X' % f for f in field)
        self.out += name.encode() + b'\0'
        self.out += b'\0' * (-len(self.out) % 4)
        self.out += data
        self.out += b'\0' * (-len(self.out) % 4)

    def folder(self, name):
        if name and name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self._entry(name, 0o40755)

    def file(self, name, data, mode=0o644):
        self.folder(os.path.dirname(name))
        self._entry(name, 0o100000 | mode, data)

    def bytes(self):
        self._entry('TRAILER!!!', 0)
        return bytes(self.out)


def build(kernel_dir, guest_dir, device, files, env):
    """The archive, compressed.  files: more of them, guest path to host path;
    env: words the scripts can read."""
    modules = Modules(f'{kernel_dir}/debs/lib/modules',
                      f'{kernel_dir}/modules')
    driver = DRIVERS[device]
    before = modules.order(TWINS + modules.depends(driver))
    cpio = Cpio()
    for name in 'dev', 'proc', 'sys', 'tmp':
        cpio.folder(name)
    with open(f'{kernel_dir}/debs/bin/busybox', 'rb') as f:
        cpio.file('bin/busybox', f.read(), 0o755)
    for name in before + [driver]:
        cpio.file(f'modules/{name}.ko', modules.read(name))
    cpio.file('modules/order', ''.join(f'{m}\n' for m in before).encode())
    for name in os.listdir(guest_dir):
        with open(os.path.join(guest_dir, name), 'rb') as f:
            cpio.file('init' if name == 'init' else f'lab/{name}', f.read(),
                      0o755)
    for name, path in files.items():
        with open(path, 'rb') as f:
            cpio.file(name, f.read(), 0o755)
    words = dict(env, DRIVER=driver)
    cpio.file('lab/env', ''.join(f"{k}='{v}'\n" for k, v in
                                 sorted(words.items())).encode())
    return gzip.compress(cpio.bytes(), 1)
