"""The tile's sums stay in registers: no loop of it goes to the stack, on any kind of processor."""

import re

import llvmlite.binding as llvm
import pytest
from kernel_processes import run

from scratchvae.kernels.machine.numba_interior import JIT_DISABLED

# Compiles both forms of the tile for a processor, and prints the assembly of every innermost loop
# that multiplies vectors. LLVM compiles for other processors than this one, too.
LOOPS = """
import re, sys
import llvmlite.binding as llvm
from numba import types
from numba.core.caching import NullCache
from scratchvae.kernels.machine import simd, tile

triple, cpu = sys.argv[1:]
if triple.startswith("aarch64"):
    tile.simd.registers = lambda: simd.Registers(width=16, number=32)
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
machine = llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, opt=3)
pointer, five = types.CPointer(types.float32), types.UniTuple(types.intp, 5)
arguments = (pointer, pointer, pointer, five, five)
for form in (tile._unit_step, tile._unit_row):
    form._cache = NullCache()
    form.compile(types.void(*arguments))
    code = form.overloads[arguments].library.get_llvm_str()
    code = re.sub('target triple = ".*"', f'target triple = "{triple}"', code)
    layout = f'target datalayout = "{machine.target_data}"'
    code = re.sub('target datalayout = ".*"', layout, code)
    assembly = machine.emit_assembly(llvm.parse_assembly(code))
    for block in re.split(r"\\n(?=[.]?L[\\w.]*:)", assembly):
        label = block.lstrip(".").partition(":")[0]
        jumps_back = re.search(rf"(?:jne|b[.]ne)\\s+[.]?{re.escape(label)}\\b", block)
        if jumps_back and re.search("fmla|vfmadd", block):
            print(block[: jumps_back.end()])
            print("=====")
print(tile.tile_rows())
"""


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
@pytest.mark.parametrize(
    ("triple", "cpu", "named"),
    [
        ("x86_64-linux-gnu", "haswell", "haswell"),
        ("x86_64-linux-gnu", "skylake-avx512", "skylake-avx512"),
        pytest.param(
            *("aarch64-linux-gnu", "neoverse-n1", ""),
            marks=pytest.mark.skipif(
                llvm.llvm_version_info < (16, 0), reason="LLVM 15 keeps one vector on the stack"
            ),
        ),
        ("aarch64-apple-darwin", "apple-m1", ""),
    ],
)
def test_no_loop_of_the_tile_goes_to_the_stack(triple, cpu, named, tmp_path):
    code = LOOPS.replace("sys.argv[1:]", repr((triple, cpu)))
    ended = run(code, tmp_path, **({"NUMBA_CPU_NAME": named} if named else {}))
    assert ended.returncode == 0, ended.stderr
    *loops, rows = ended.stdout.split("=====\n")
    products = {len(re.findall("fmla|vfmadd", loop)) for loop in loops}
    # A loop for each number of rows, with one vector of columns and with two.
    assert products == {v * t for v in (1, 2) for t in range(1, int(rows) + 1)}
    for loop in loops:
        assert not re.search(r"\tv\w+\t.*%rsp|\t(?:ld|st)[pr]\tq.*\[sp", loop), loop
