# SPDX-License-Identifier: MIT
"""The peers: what each needs, how it is built and called, which workloads it can do.

Refcyc is the first of them. The second is Refcyc, too, told by the environment to get each object from malloc, not
from its own pages: that says what the pages earn.
"""
import os
import shlex
import shutil
import subprocess
import sys

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = os.path.join(BENCH, 'peers')
CC = shlex.split(os.environ.get('CC', 'cc'))
CXX = shlex.split(os.environ.get('CXX', 'c++'))
# How a loop of four instructions happens to lie across lines of code can decide a row. In all programs of C and C++, ours
# included (bench.mk), loops begin at a multiple of 32; of 64, moving elements in a vector took a third longer.
CFLAGS = shlex.split(os.environ.get('CFLAGS', '-O2')) + ['-falign-loops=32']

COUNTED = ['retain', 'alloc.hot', 'alloc.bulk', 'list', 'gcbench']
CONTAINERS = ['array', 'map', 'text', 'queue']
CYCLES = ['pairs', 'ring', 'dlist', 'tree', 'graph']


def output(command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ''
    except OSError:
        return ''


class Peer:
    def __init__(self, key, title, work, needs='', build=None, version='', counts=True,
                 variant_of='', environment=None):
        self.key, self.title, self.work = key, title, work
        self.needs = needs      # a command, or the name of a pkg-config file after 'pc:'
        self.build = build      # a function: output file -> the command that builds it
        self.version = version  # a command, the first line of whose output names the version
        self.counts = counts    # whether it counts references
        self.variant_of = variant_of    # the same program as that one's, in another environment
        self.environment = {**os.environ, **(environment or {})}
        self.command = None     # how to call it, once it is there

    def missing(self):
        """What is not installed, or None."""
        if self.needs.startswith('pc:'):
            return None if output(['pkg-config', '--modversion', self.needs[3:]]) else f'{self.needs[3:]} (pkg-config)'
        return None if not self.needs or shutil.which(self.needs) else self.needs

    def prepare(self, folder):
        """Builds it. Returns whether it can be run; says why not."""
        if self.missing():
            print(f'skipped: {self.title}: {self.missing()} is not installed')
            return False
        out = os.path.join(folder, self.variant_of or self.key)
        self.command = ['php', f'{SOURCES}/php.php'] if self.key == 'php' else [out]
        if not self.build and not self.needs and not os.access(out, os.X_OK):
            sys.exit(f'{out} is not there: run `make bench`')
        if not self.build:
            return True
        done = subprocess.run(self.build(out), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            print(f'skipped: {self.title}: does not build:\n{done.stdout}')
        return done.returncode == 0


def c_peer(source, *options, package=None):
    def build(out):
        flags = shlex.split(output(['pkg-config', '--cflags', '--libs', package])) if package else []
        return [*CC, '-std=c11', *CFLAGS, '-pthread', *options, '-o', out, f'{SOURCES}/{source}', *flags]
    return build


def build_orc(out):
    return ['nim', 'c', '--mm:orc', '-d:danger', '--hints:off', f'--nimcache:{out}.cache', f'-o:{out}',
            f'{SOURCES}/orc.nim']


def build_shared_ptr(out):
    return [*CXX, '-std=c++17', *CFLAGS, '-pthread', '-o', out, f'{SOURCES}/shared_ptr.cpp']


def build_rust(out):
    return ['rustc', '--edition', '2021', '-O', '-o', out, f'{SOURCES}/rust.rs']


def version_of(package):
    return ['pkg-config', '--modversion', package]


PEERS = [
    Peer('refcyc', 'Refcyc',
         COUNTED + CYCLES + CONTAINERS + ['live', 'live.owner', 'dom', 'scaling', 'gcbench.acyclic'],
         version=['git', '-C', BENCH, 'log', '-1', '--format=%h of %cs']),
    Peer('malloc', 'its malloc', ['alloc.hot', 'alloc.bulk', 'list', 'dom', 'gcbench'] + CYCLES,
         version=['getconf', 'GNU_LIBC_VERSION'], variant_of='refcyc', environment={'REFCYC_MALLOC': '1'}),
    Peer('plain', 'plain C', COUNTED + ['dom', 'scaling'], CC[0], c_peer('plain.c'),
         ['getconf', 'GNU_LIBC_VERSION'], counts=False),
    Peer('atomic', 'C, atomic', ['retain'], CC[0], c_peer('plain.c', '-DATOMIC'), ['getconf', 'GNU_LIBC_VERSION']),
    Peer('orc', 'Nim ORC', COUNTED + CYCLES + ['live', 'dom'], 'nim', build_orc, ['nim', '--version']),
    Peer('cpython', 'CPython', COUNTED + CYCLES + ['live', 'dom'], 'pc:python3-embed',
         c_peer('cpython.c', package='python3-embed'), version_of('python3-embed')),
    Peer('php', 'PHP', COUNTED[1:] + CYCLES + ['live', 'dom'], 'php', version=['php', '--version']),
    Peer('boehm', 'Boehm', ['alloc.hot', 'alloc.bulk', 'gcbench', 'live', 'dom'], 'pc:bdw-gc',
         c_peer('boehm.c', package='bdw-gc'), version_of('bdw-gc'), counts=False),
    Peer('gobject', 'GObject', COUNTED + CONTAINERS, 'pc:gobject-2.0',
         c_peer('gobject.c', package='gobject-2.0'), version_of('gobject-2.0')),
    Peer('shared', 'shared_ptr', COUNTED + CONTAINERS, CXX[0], build_shared_ptr, [CXX[0], '--version']),
    Peer('rust', 'Rust', COUNTED, 'rustc', build_rust, ['rustc', '--version']),
]
