/* holds.h - requests that wait until they are let go, by a key.
 *
 * The knob hold=KEY keeps an answer back until POST /emulator/release?key=KEY.
 * A test that needs one answer to come after another says so with it, where a
 * latency would be a bet on how fast the machine is. A key once released stays
 * so, for requests that come later too, until the emulator is reset.
 *
 * Threads:   none inside; the emulator's.
 * Ownership: a plain value; nothing to free.
 */
#ifndef VTX_EMULATOR_HOLDS_H
#define VTX_EMULATOR_HOLDS_H

#include <stdbool.h>
#include <stddef.h>

/* How many keys may be released between two resets, and their length. */
enum { VTX_EMU_HOLD_KEYS = 64, VTX_EMU_HOLD_KEY_MAX = 31 };

struct vtx_emu_holds {
  char released[VTX_EMU_HOLD_KEYS][VTX_EMU_HOLD_KEY_MAX + 1];
  size_t count;
};

/* True if key can be one: it is not empty and not too long. */
bool vtx_emu_hold_key_valid(const char *key);

/* Releases key, which is valid; again is fine. False if that is one key too
 * many. */
bool vtx_emu_holds_release(struct vtx_emu_holds *holds, const char *key);

/* True if what is held by key may go. */
bool vtx_emu_holds_released(const struct vtx_emu_holds *holds, const char *key);

/* No key is released any more. */
void vtx_emu_holds_reset(struct vtx_emu_holds *holds);

#endif
