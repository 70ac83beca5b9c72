/* descriptors.h - the contract as a serialised FileDescriptorSet, put into the
 * program by the linker, for reflection. Constant; lives for ever.
 */
#ifndef VTX_DESCRIPTORS_H
#define VTX_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

const uint8_t *vtx_descriptors(size_t *ret_size);

#endif
