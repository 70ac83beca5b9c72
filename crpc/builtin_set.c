#include "crpc/builtin_set.h"

/* The build gives the path of the file that protoc wrote; the assembler puts
 * its bytes here. */
__asm__(
    ".pushsection .rodata\n"
    ".global crpc_builtin_set_start\n"
    ".global crpc_builtin_set_end\n"
    "crpc_builtin_set_start:\n"
    ".incbin \"" CRPC_BUILTIN_SET
    "\"\n"
    "crpc_builtin_set_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern const uint8_t crpc_builtin_set_start[];
extern const uint8_t crpc_builtin_set_end[];

const uint8_t *crpc_builtin_set(size_t *ret_size) {
  *ret_size = (size_t)((uintptr_t)crpc_builtin_set_end -
                       (uintptr_t)crpc_builtin_set_start);
  return crpc_builtin_set_start;
}
