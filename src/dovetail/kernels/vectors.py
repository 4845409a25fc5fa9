"""Vector registers, in compiled kernels: tiles of a product of matrices are kept in them, which
loops that the compiler vectorizes by itself do not.

Addresses and strides are in bytes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["BYTES", "ROWS", "add_tile_1", "add_tile_2", "add_tile_3", "put_shifted"]

_FEATURES = binding.get_host_cpu_features()
# Of a register: AVX-512's 32 hold 8 rows of three and what is multiplied, AVX's 16 hold 4 rows; 0
# where there are narrower ones alone, which BLAS serves better.
BYTES = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("fma") else 0
ROWS = 8 if BYTES == 64 else 4


def _at(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _size(number: Any) -> int:
    return int(number.bitwidth // 8)


def _add_tile(width: int) -> Any:
    """Add aᵀ b to c: k rows of ROWS numbers at a and of `width` registers at b, of the dtype of
    `like`, which stands for it alone; ROWS rows at c, of float64.
    """

    def tile(
        typingctx: Any,
        like: Any,
        a: Any,
        a_step: Any,
        b: Any,
        b_step: Any,
        k: Any,
        c: Any,
        c_step: Any,
    ) -> Any:
        number = like.dtype
        lanes = BYTES // _size(number)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _, a, a_step, b, b_step, k, c, c_step = arguments
            item, index = context.get_value_type(number), k.type
            vector, wide = ir.VectorType(item, lanes), ir.VectorType(ir.DoubleType(), lanes)
            kind = ir.FunctionType(vector, [vector] * 3)
            name = f"llvm.fma.v{lanes}f{number.bitwidth}"
            fma = cgutils.get_or_insert_function(builder.module, kind, name)
            everywhere = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            before = builder.basic_block
            loop, done = (builder.append_basic_block(name) for name in ("rows", "done"))
            builder.branch(loop)
            builder.position_at_end(loop)

            def carried(kind: Any, start: Any) -> Any:
                found = builder.phi(kind)
                found.add_incoming(start, before)
                return found

            i, at_a, at_b = carried(index, index(0)), carried(index, a), carried(index, b)
            zero = ir.Constant(vector, [0.0] * lanes)
            sums = [[carried(vector, zero) for _ in range(width)] for _ in range(ROWS)]
            right = [
                builder.load(_at(builder, builder.add(at_b, index(v * BYTES)), vector), align=BYTES)
                for v in range(width)
            ]
            for row, held in enumerate(sums):
                place = builder.add(at_a, index(row * _size(number)))
                one = builder.load(_at(builder, place, item))
                first = builder.insert_element(ir.Constant(vector, ir.Undefined), one, index(0))
                left = builder.shuffle_vector(first, first, everywhere)
                for v, total in enumerate(held):
                    held[v] = builder.call(fma, [left, right[v], total])
                    total.add_incoming(held[v], loop)
            following = builder.add(i, index(1))
            i.add_incoming(following, loop)
            at_a.add_incoming(builder.add(at_a, a_step), loop)
            at_b.add_incoming(builder.add(at_b, b_step), loop)
            builder.cbranch(builder.icmp_signed("<", following, k), loop, done)
            builder.position_at_end(done)
            for row, held in enumerate(sums):
                start = builder.add(c, builder.mul(c_step, index(row)))
                for v, total in enumerate(held):
                    place = _at(builder, builder.add(start, index(v * lanes * 8)), wide)
                    total = total if vector == wide else builder.fpext(total, wide)
                    known = builder.load(place, align=8)
                    builder.store(builder.fadd(known, total), place, align=8)
            return context.get_dummy_value()

        place = types.intp
        return types.void(like, *[place] * 7), generate

    return intrinsic(tile)


add_tile_1, add_tile_2, add_tile_3 = (_add_tile(width) for width in (1, 2, 3))


@intrinsic
def put_shifted(typingctx: Any, source: Any, target: Any, x: Any, shift: Any, to: Any) -> Any:
    """Write a register of numbers at x less those at `shift` to `to`. `source` and `target` are
    arrays that stand for the dtype of x, and for that of `shift` and `to`.
    """
    lanes = BYTES // _size(target.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, x, shift, to = arguments
        given, kept = (
            ir.VectorType(context.get_value_type(array.dtype), lanes) for array in (source, target)
        )
        values = builder.load(_at(builder, x, given), align=_size(source.dtype))
        values = values if given == kept else builder.fpext(values, kept)
        less = builder.load(_at(builder, shift, kept), align=_size(target.dtype))
        builder.store(builder.fsub(values, less), _at(builder, to, kept), align=_size(target.dtype))
        return context.get_dummy_value()

    return types.void(source, target, *[types.intp] * 3), generate
