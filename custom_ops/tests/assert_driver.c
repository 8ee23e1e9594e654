/* Breaks a contract of the function that is named, which must end the program: assertions are on in
 * the tests' builds. Prints "begin" before and "end" after. Compiled by
 * tests/native/test_driver.py. */
#include <stdio.h>
#include <string.h>

#include "../plugin/fully_connected/tfp_fully_connected_plan.h"
#include "../plugin/tfp_op_table.h"
#include "driver.h"

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  puts("begin");
  fflush(stdout);
  (void)allocations; /* what driver.h counts where every program does */
  if (strcmp(what, "tfp_op_get") == 0) {
    tfp_op_get(tfp_op_count());
  } else if (strcmp(what, "tfp_node_input") == 0) {
    tfp_node_input(NULL, &(tfp_node){.input_count = 1}, -1);
  } else if (strcmp(what, "tfp_row_stride") == 0) {
    tfp_row_stride(3, 16);
  } else if (strcmp(what, "none") != 0) {
    return 2;
  }
  puts("end");
  return 0;
}
