#include "service/emulator/holds.h"

#include <assert.h>
#include <string.h>

bool vtx_emu_hold_key_valid(const char *key) {
  size_t size = strlen(key);

  return size > 0 && size <= VTX_EMU_HOLD_KEY_MAX;
}

bool vtx_emu_holds_released(const struct vtx_emu_holds *holds,
                            const char *key) {
  for (size_t i = 0; i < holds->count; i++)
    if (strcmp(holds->released[i], key) == 0) return true;
  return false;
}

bool vtx_emu_holds_release(struct vtx_emu_holds *holds, const char *key) {
  assert(vtx_emu_hold_key_valid(key));
  if (vtx_emu_holds_released(holds, key)) return true;
  if (holds->count == VTX_EMU_HOLD_KEYS) return false;
  memcpy(holds->released[holds->count++], key, strlen(key) + 1);
  return true;
}

void vtx_emu_holds_reset(struct vtx_emu_holds *holds) { holds->count = 0; }
