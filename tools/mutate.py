#!/usr/bin/env python3
"""Breaks the CUDA kernels one place at a time and asks the tests whether they notice.

A mutant is one change in one file of cuda/: a barrier or a wait less, a bound off by one, a guard or one of its
conditions dropped, a plain sum for an atomic one, the wrong buffer. All mutants of a file are compiled at once,
each behind a switch (the environment variable CLEARCUT_MUTANT), and linked with the emulator's tests; a first run
says which tests come past which mutant, and each mutant then runs those until one fails. What lives through that
is built alone with nvcc and run through the PTX interpreter, which sees races that change no number. Survivors
must stand in docs/mutation.md with the reason why they live; a reason whose mutant is noticed, or gone, is an
error, too.

usage: make mutate [FILES="cuda/softmax.cu cuda/random.cuh"]
"""
import argparse
import collections
import dataclasses
import os
import re
import resource
import subprocess
import sys
import time

TABLE = "docs/mutation.md"
NO_KERNELS = ("gpu.cu", "gpu.cuh", "memory.cu", "side_stream.cu")  # the host's part: devices, launches, the allocator
OPPOSITE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


@dataclasses.dataclass
class Mutant:
    kind: str
    start: int
    end: int
    plain: str  # what stands there in the mutant's own source
    switch: tuple  # (text before, text after) around the original, or (text,) in place of it
    file: str = ""
    line: int = 0
    column: int = 0
    code: str = ""
    nth: int = 1  # of those of one kind in lines of one text

    def key(self):
        return f"{self.file} | {self.kind} | {self.code}" + (f" (no. {self.nth})" if self.nth > 1 else "")


# A condition without && and ||: what stands on both sides of one comparison.
SIDE = r"[\w.\[\]]+(?:\([\w, ]*\))?(?: [-+*%] [\w.\[\]]+)*"
CONDITION = rf"(?<![:\w.>]){SIDE} (?:<=|>=|<|>|==|!=) {SIDE}"


def places(text):
    """Mutants of a source text; SWITCH stands for the number of each."""
    def find(pattern):
        return re.finditer(pattern, text)

    for m in find(r"__sync(?:threads|warp)\(\w*\);"):
        yield Mutant("no barrier", m.start(), m.end(), ";", ("if (!SWITCH) ", ""))
    for m in find(r"async_wait<([^<>]+)>\(\)"):
        more = f"async_wait<{m[1]} + 1>()"
        yield Mutant("a wait less", m.start(), m.end(), more, (f"(SWITCH ? {more} : ", ")"))
    for m in find(r"(?<=[\w)\]]) (<=|>=|<|>) (?=[\w(-])"):
        left = (re.search(r"\w+$", text[:m.start()]) or [""])[0]
        if re.match(rf"k[A-Z]\w*; \+\+|\d+; \+\+|([\w.]+) \? (?:\1 :|{left} : \1\b)", text[m.end():]):
            continue  # a loop over registers; the larger or smaller of two values
        name = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}[m[1]]
        yield Mutant(f"{OPPOSITE[m[1]]} for {m[1]}", m.start(), m.end(), f" {OPPOSITE[m[1]]} ",
                     (f" < mutants::{name}{{SWITCH_NUMBER}} > ",))
    for m in find(r"atomicAdd\(([^,;]+), ([^;]+)\);"):
        sum_ = f"*({m[1]}) += {m[2]};"
        yield Mutant("+= for atomicAdd", m.start(), m.end(), sum_, (f"if (SWITCH) {sum_} else ", ""))
    for m in find(r"int offset = 16"):
        yield Mutant("half a warp", m.start(), m.end(), "int offset = 8", ("int offset = SWITCH ? 8 : 16",))
    for m in find(r"\((\w+) \+ [\w -]+\) % kStages"):
        yield Mutant("the same buffer", m.start(), m.end(), m[1], (f"(SWITCH ? {m[1]} : ", ")"))
    for m in find(r"1 - stage\b"):
        yield Mutant("the same buffer", m.start(), m.end(), "stage", ("(SWITCH ? stage : ", ")"))
    for m in find(rf"(?<=&& ){CONDITION}|{CONDITION}(?= &&)"):
        yield Mutant("no condition", m.start(), m.end(), "true", ("(SWITCH || ", ")"))
    for m in find(rf"(?<=\|\| ){CONDITION}|{CONDITION}(?= \|\|)"):
        yield Mutant("no condition", m.start(), m.end(), "false", ("(!SWITCH && ", ")"))
    for m in find(r"(?<=if \()[^;{}\n]+(?=\) (?:return|continue);)"):
        yield Mutant("no guard", m.start(), m.end(), "false", ("!SWITCH && (", ")"))


def blank(text):
    """The text with comments, strings and what compilers decide blanked, at the same places."""
    def spaces(m):
        return re.sub(r"[^\n]", " ", m[0])
    text = re.sub(r"//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"", spaces, text)
    return re.sub(r"(?m)^.*(?:\bconstexpr \(|static_assert|\bcheck\(|operator|^template|^#).*$", spaces, text)


def mutants_of(path):
    text = open(path, encoding="utf-8").read()
    found = sorted(places(blank(text)), key=lambda m: (m.start, -m.end))
    seen = collections.Counter()
    for m in found:
        m.file, m.line = path, text.count("\n", 0, m.start) + 1
        m.column = m.start - text.rfind("\n", 0, m.start)
        m.code = " ".join(text.split("\n")[m.line - 1].split())
        seen[m.kind, m.code] += 1
        m.nth = seen[m.kind, m.code]
    return text, found


def with_switches(text, mutants):
    """The text with every mutant behind its switch."""
    edits = []  # (place, order, text, length of what it replaces)
    for number, m in enumerate(mutants, 1):
        parts = [p.replace("SWITCH_NUMBER", str(number)).replace("SWITCH", f"mutants::on({number})")
                 for p in m.switch]
        if len(parts) == 1:
            edits.append((m.start, 1, parts[0], m.end - m.start))
        else:  # around: an outer one opens first and closes last
            edits.append((m.start, 0, parts[0], 0))
            edits.append((m.end, -1, parts[1], 0))
    out, at = [], 0
    for place, _, new, length in sorted(edits, key=lambda e: (e[0], e[1])):
        out += [text[at:place], new]
        at = max(at, place + length)
    return "".join(out) + text[at:]


SUPPORT = r"""
#pragma once
#include <type_traits>
namespace mutants {
extern int chosen;
extern unsigned char met[4096];
inline bool at_run_time(int number) { met[number] = 1; return chosen == number; }
constexpr bool on(int number) { return std::is_constant_evaluated() ? false : at_run_time(number); }
template <class A, class Op> struct Half { A a; Op op; };
#define MUTANT_OF(name, right, wrong)                                                                       \
  struct name { int number; };                                                                              \
  template <class A> constexpr Half<A, name> operator<(A a, name op) { return {a, op}; }                    \
  template <class A, class B> constexpr bool operator>(Half<A, name> h, B b) {                              \
    return on(h.op.number) ? h.a wrong b : h.a right b;                                                     \
  }
MUTANT_OF(less, <, <=)
MUTANT_OF(less_equal, <=, <)
MUTANT_OF(greater, >, >=)
MUTANT_OF(greater_equal, >=, >)
}  // namespace mutants
"""

# Says which tests came past which mutants.
LISTENER = r"""
#include "mutants.h"
#include <gtest/gtest.h>
#include <cstdlib>
#include <cstring>
namespace mutants {
int chosen = std::getenv("CLEARCUT_MUTANT") ? std::atoi(std::getenv("CLEARCUT_MUTANT")) : 0;
unsigned char met[4096];
struct Listener : testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { std::memset(met, 0, sizeof met); }
  void OnTestEnd(const testing::TestInfo& test) override {
    std::printf("\nMET %s.%s %ld", test.test_suite_name(), test.name(),
                static_cast<long>(test.result()->elapsed_time()));
    for (int i = 0; i < 4096; ++i)
      if (met[i]) std::printf(" %d", i);
    std::printf("\n");
  }
};
struct Register {
  Register() { if (std::getenv("CLEARCUT_MUTANT_TRACE")) testing::UnitTest::GetInstance()->listeners().Append(new Listener); }
} const registered;
}  // namespace mutants
"""


def run(command, cpu_seconds=1800, **environment):
    """The exit code, which is not 0 if it needed more processor time, and what was said."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_seconds), int(cpu_seconds) + 1))
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          env={**os.environ, **environment}, preexec_fn=limit, check=False)
    return done.returncode, done.stdout


def must(command, **environment):
    code, out = run(command, **environment)
    if code != 0:
        sys.exit(f"mutate: {' '.join(command[:3])} ... ended with {code}:\n{out[-3000:]}")
    return out


def users(path):
    """The .cu files that a change of `path` changes."""
    if path.endswith(".cu"):
        return [path]
    sources = {}
    for folder in ("cuda", "cuda/variants"):
        for name in sorted(os.listdir(folder)):
            if name.endswith((".cu", ".cuh")):
                file = f"{folder}/{name}"
                sources[file] = set(re.findall(r'#include "([^"]+)"', open(file, encoding="utf-8").read()))

    def reaches(file):
        return path in sources.get(file, ()) or any(reaches(f) for f in sources.get(file, ()) if f in sources)
    return [f for f in sources if f.endswith(".cu") and reaches(f)]


def folder_of(args, path):
    """For sources, objects and programs: one for each file, so that two runs do not meet."""
    return f"{args.build}/mutants/{path.replace('/', '_')}"


class Emulator:
    """The tests over the emulator, with the mutants of one file."""

    def __init__(self, args, path):
        self.args, self.folder = args, folder_of(args, path)
        self.program = f"{self.folder}/tests"
        self.text, self.mutants = mutants_of(path)
        os.makedirs(f"{self.folder}/src/{os.path.dirname(path)}", exist_ok=True)
        for name, text in (("mutants.h", SUPPORT), ("listener.cpp", LISTENER)):
            open(f"{self.folder}/{name}", "w", encoding="utf-8").write(text)
        source = f"{self.folder}/src/{path}"
        open(source, "w", encoding="utf-8").write(with_switches(self.text, self.mutants))
        flags = [f for f in args.flags.split() if not f.startswith(("-W", "-I"))] + ["-w", f"-I{self.folder}"]
        compile_ = args.cxx.split() + flags + [f"-I{self.folder}/src", "-I."]
        must(compile_ + ["-c", f"{self.folder}/listener.cpp", "-o", f"{self.folder}/listener.o"])
        objects = set(args.objects.split())
        for file in users(path):
            new = f"{self.folder}/{file.replace('/', '_')}.o"
            must(compile_ + ["-include", f"{self.folder}/mutants.h", "-x", "c++", "-c",
                             source if file == path else file, "-o", new])
            objects = {o for o in objects if o != f"{args.build}/{file}.o"} | {new}
        must(args.cxx.split() + flags + sorted(objects) + [f"{self.folder}/listener.o", "-o", self.program, "-lgtest"])
        os.remove(source)

    def trace(self):
        """For each mutant the tests that come past it, the shortest first."""
        out = must([self.program, "--gtest_brief=1"], CLEARCUT_MUTANT_TRACE="1")
        tests = collections.defaultdict(list)
        for line in re.findall(r"^MET (.*)$", out, re.M):
            name, elapsed, *numbers = line.split()
            for number in numbers:
                tests[int(number)].append((int(elapsed), name))
        self.seconds = {number: sum(elapsed for elapsed, _ in names) / 1000 for number, names in tests.items()}
        return {number: [name for _, name in sorted(names)] for number, names in tests.items()}

    def notices(self, number, tests):
        code, _ = run([self.program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={':'.join(tests)}"],
                      cpu_seconds=5 + 3 * self.seconds[number], CLEARCUT_MUTANT=str(number))
        return code != 0


def interpreter_notices(args, path, text, mutant, tests):
    """Builds the mutant alone with nvcc and runs the tests through the PTX interpreter."""
    folder = folder_of(args, path)
    source = f"{folder}/src/{path}"
    open(source, "w", encoding="utf-8").write(text[:mutant.start] + mutant.plain + text[mutant.end:])
    objects = set(args.ptx_objects.split())
    for file in users(path):
        new = f"{folder}/{file.replace('/', '_')}.ptx.o"
        must(args.nvcc.split() + [f"-I{folder}/src", "-I.", "-c", source if file == path else file, "-o", new])
        objects = {o for o in objects if not o.endswith(f"/{file}.o")} | {new}
    program = f"{folder}/ptx_tests"
    must(args.cxx.split() + ["-fopenmp"] + sorted(objects) + ["-o", program, "-lgtest"])
    os.remove(source)
    code, _ = run([program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={':'.join(tests)}"], cpu_seconds=600)
    return code != 0


def reasons():
    """The rows of docs/mutation.md: key to reason."""
    rows = {}
    for line in open(TABLE, encoding="utf-8"):
        cells = [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`"):
            rows[" | ".join((cells[0].strip("`"), cells[1], cells[2].replace("`", "")))] = cells[3]
    return rows


def check_file(args, path, known):
    """Prints what lives and why; returns the numbers of mutants, survivors and mistakes."""
    start = time.time()
    emulator = Emulator(args, path)
    tests = emulator.trace()
    lives, mistakes = 0, 0
    for number, m in enumerate(emulator.mutants, 1):
        met = tests.get(number, [])
        expected = known.get(m.key(), "")
        who = "emulator" if met and emulator.notices(number, met) else ""
        if not who and met and args.nvcc and interpreter_notices(args, path, emulator.text, m, met):
            who = "interpreter"
        elif not who and not args.nvcc and expected.startswith("interpreter"):
            who = "interpreter"  # nobody can say here
        lives += not who
        why = ""
        if not who:
            why = f"lives: {expected}" if expected and not expected.startswith("interpreter") else \
                "LIVES, and nobody says why" + ("" if met else " (no test comes past it)")
        elif expected and not (who == "interpreter" and expected.startswith("interpreter")):
            why = f"NOTICED by the {who}: the row of {TABLE} is wrong"
        mistakes += why.startswith(("LIVES", "NOTICED"))
        if why or args.verbose:
            print(f"{path}:{m.line}:{m.column}: {m.key().split(' | ', 1)[1]}: {why or who}", flush=True)
    print(f"{path}: {len(emulator.mutants)} mutants, {lives} live, {time.time() - start:.0f} s", flush=True)
    return len(emulator.mutants), lives, mistakes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", help="default: all of cuda/ that can be broken")
    parser.add_argument("--list", action="store_true", help="the mutants, and rows of the table without one")
    parser.add_argument("--verbose", action="store_true", help="also who notices the others")
    for name in ("build", "cxx", "flags", "objects", "nvcc", "ptx-objects"):
        parser.add_argument(f"--{name}", default="")
    args = parser.parse_args()
    every = [f"{d}/{n}" for d in ("cuda", "cuda/variants") for n in sorted(os.listdir(d))
             if n.endswith((".cu", ".cuh")) and n not in NO_KERNELS]
    known = reasons()
    found = {f: mutants_of(f)[1] for f in args.files or every}
    stale = [k for k in known if k.split(" | ")[0] in found and
             k not in {m.key() for m in found[k.split(" | ")[0]]}]
    for key in stale:
        print(f"{TABLE}: no such mutant: {key}")
    if args.list:
        for m in (m for list_ in found.values() for m in list_):
            print(f"{m.file}:{m.line}: {m.kind}: {m.code}")
        sys.exit(1 if stale else 0)
    totals = [check_file(args, path, known) for path, mutants in found.items() if mutants]
    mutants, lives, mistakes = (sum(t) for t in zip(*totals)) if totals else (0, 0, 0)
    print(f"{mutants} mutants, {mutants - lives} noticed, {lives} live, {mistakes} without the right row in {TABLE}")
    sys.exit(1 if mistakes or stale else 0)


if __name__ == "__main__":
    main()
