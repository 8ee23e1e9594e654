/* What `make bench-arm` counts: one call of a kernel or of an op, between two marks.
 *
 *   guest gemm VARIANT ROWS COLUMNS BATCH   int8 weights times int8 vectors, sums in int32
 *   guest int8 VARIANT ROWS COLUMNS BATCH   the same with results in int8, as an op would have them
 *   guest int4|int2 ...                     likewise with weights of 4 and 2 bits
 *   guest sparse ...                        sums in int32, 7 of 10 tiles of 8x4 weights are zeros
 *   guest float ...                         int8 weights, vectors and results in float32
 *   guest CELL VARIANT INPUT UNITS STEPS    the op tfpipeline.CELL, plain kernels, batch 1
 *   guest CELL:BITS ...                     the same with ternary weights of 8, 4 or 2 bits
 *
 * Prints `weights BYTES checksum SUM`: packed bytes that the call reads, and a sum over its result
 * that is the same for every variant. All memory is static, so that addresses, and with them what
 * the model of the caches says, are the same in every run. */
#include <string.h>

#include "guest_products.h"
#include "guest_recurrent.h"

/* Bits behind the name of a cell, 0 where there are none, -1 where `what` is another name. */
static int bits_behind(const char *what, const char *name) {
  const size_t length = strlen(name);
  if (strncmp(what, name, length) != 0) return -1;
  const char *const bits = what + length;
  if (bits[0] == '\0') return 0;
  return strlen(bits) == 2 && bits[0] == ':' && strchr("842", bits[1]) ? bits[1] - '0' : -1;
}

int main(int count, char **arguments) {
  if (count != 6) return fail("usage: guest KIND VARIANT SIZE SIZE SIZE, of a kind as above");
  const tfp_variant *variant = tfp_find_variant(arguments[2]);
  if (variant == NULL) return fail("this processor has no such variant");
  size_t sizes[3];
  for (int i = 0; i < 3; ++i) {
    sizes[i] = strtoul(arguments[3 + i], NULL, 10);
    if (sizes[i] < 1 || sizes[i] > 1 << 16) return fail("expected sizes from 1 to 65536");
  }
  const char *what = arguments[1];
  for (size_t i = 0; i < tfp_cell_count(); ++i) {
    const tfp_cell *cell = tfp_cell_get(i);
    const int bits = bits_behind(what, strchr(cell->name, '.') + 1);
    if (bits >= 0) return run_recurrent(variant, cell, bits, sizes[0], sizes[1], sizes[2]);
  }
  if (strcmp(what, "gemm") == 0) return run_gemm(variant, 8, sizes[0], sizes[1], sizes[2], kSums);
  if (strcmp(what, "sparse") == 0) return run_sparse(variant, sizes[0], sizes[1], sizes[2]);
  if (strcmp(what, "float") == 0) {
    return run_gemm(variant, 8, sizes[0], sizes[1], sizes[2], kFloat);
  }
  for (int bits = 8; bits >= 2; bits /= 2) {
    const char name[] = {'i', 'n', 't', (char)('0' + bits), '\0'};
    if (strcmp(what, name) == 0)
      return run_gemm(variant, bits, sizes[0], sizes[1], sizes[2], kInt8);
  }
  return fail("expected gemm, int8, int4, int2, float, sparse or the name of a cell");
}
