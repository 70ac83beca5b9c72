#include "service/batch/margin.h"

#include "base/clock.h"
#include "service/limits.h"

int64_t vtx_margin_end(int64_t arrived, int64_t deadline, int64_t margin) {
  int64_t time = deadline > arrived ? deadline - arrived : 0;

  if (deadline == CB_NEVER) return CB_NEVER;
  if (margin < 0) {
    margin = time / VTX_MARGIN_DIVISOR;
    if (margin > VTX_MARGIN_MAX) margin = VTX_MARGIN_MAX;
  }
  return margin < deadline ? deadline - margin : 0;
}
