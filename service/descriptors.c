#include "service/descriptors.h"

/* VTX_DESCRIPTOR_SET is the file that protoc wrote. The assembler takes it in
 * as it is; as a C array it would be ten times the text to compile. */
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    ".global vtx_descriptor_bytes\n"
    ".global vtx_descriptor_end\n"
    "vtx_descriptor_bytes:\n"
    ".incbin \"" VTX_DESCRIPTOR_SET
    "\"\n"
    "vtx_descriptor_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern const uint8_t vtx_descriptor_bytes[];
extern const uint8_t vtx_descriptor_end[];

const uint8_t *vtx_descriptors(size_t *ret_size) {
  *ret_size =
      (size_t)((uintptr_t)vtx_descriptor_end - (uintptr_t)vtx_descriptor_bytes);
  return vtx_descriptor_bytes;
}
