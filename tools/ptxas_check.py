#!/usr/bin/env python3
"""Reads what ptxas -v said about the kernels of some objects of make CUDA=1 and fails on spills and on registers over
budget.

    usage: tools/ptxas_check.py OBJECT...    without ".o": X.ptxas holds ptxas's words, X.kept/ the PTX

A kernel states its budget in the source, as __launch_bounds__(threads, blocks): so many blocks of so many threads shall
fit on a multiprocessor, which has 65,536 registers (sm_80 to sm_120); a thread has 255 at most. PTX says both as .maxntid
and .minnctapersm. A kernel without bounds is a failure, too: nobody said what it may use.
"""
import collections
import pathlib
import re
import shutil
import subprocess
import sys

REGISTERS, MOST_OF_THREAD = 65536, 255


def bounds(ptx):
    """Of each kernel: (threads of a block, blocks of a multiprocessor), None where the source does not say."""
    found = {}
    for name, words in re.findall(r'\.entry\s+(\w+)\s*\([^)]*\)([^{]*)\{', ptx):
        threads = re.search(r'\.maxntid\s+([\d,\s]+)', words)
        blocks = re.search(r'\.minnctapersm\s+(\d+)', words)
        product = 1
        for number in re.findall(r'\d+', threads[1]) if threads else []:
            product *= int(number)
        found[name] = (product if threads else None, int(blocks[1]) if blocks else None)
    return found


def usage(text):
    """Of each (kernel, architecture): (registers, bytes of spill stores and loads)."""
    found = {}
    for part in text.split('Compiling entry function ')[1:]:
        name, architecture = re.match(r"'(\w+)' for '(\w+)'", part).groups()
        spills = re.findall(r'(\d+) bytes spill (?:stores|loads)', part)
        found[name, architecture] = (int(re.search(r'Used (\d+) registers', part)[1]), sum(map(int, spills)))
    return found


def budget(threads, blocks):
    """Registers of one thread; they are handed out eight at a time."""
    return min(MOST_OF_THREAD, REGISTERS // (threads * blocks) // 8 * 8)


def problem_of(bound, used):
    threads, blocks = bound
    registers, spilled = used
    if threads is None or blocks is None:
        return 'states no __launch_bounds__(threads, blocks)'
    if spilled:
        return f'spills: {spilled} bytes; {registers} registers, budget {budget(threads, blocks)}'
    if registers > budget(threads, blocks):
        return f'{registers} registers, budget {budget(threads, blocks)} ({blocks} blocks of {threads} threads)'
    return None


def readable(name):
    if shutil.which('c++filt') is None:
        return name
    return subprocess.run(['c++filt', name], capture_output=True, text=True, check=True).stdout.replace(
        '(anonymous namespace)::', '').split('(')[0].strip()


def check(objects):
    """Prints the problems and a line of totals for each architecture; returns how many problems there are."""
    problems, kernels, most = 0, collections.Counter(), {}
    for file in map(pathlib.Path, objects):
        bound = {}
        for ptx in sorted(pathlib.Path(f'{file}.kept').glob('*.ptx')):
            bound.update(bounds(ptx.read_text()))
        for (name, architecture), used in usage(pathlib.Path(f'{file}.ptxas').read_text()).items():
            kernels[architecture] += 1
            most[architecture] = max(most.get(architecture, (0, '')), (used[0], name))
            problem = problem_of(bound[name], used) if name in bound else 'is not in the PTX that was kept'
            if problem:
                problems += 1
                print(f'{architecture}: {readable(name)} {problem}')
    for architecture in sorted(kernels):
        registers, name = most[architecture]
        print(f'{architecture}: {kernels[architecture]} kernels; most registers: {registers}, {readable(name)}')
    print(f'{problems} kernels with spills or too many registers')
    return problems + (not kernels)


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(1 if check(sys.argv[1:]) else 0)
