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

int64_t vtx_margin_growth(int64_t arrived, int64_t end, uint64_t results,
                          size_t bytes) {
  int64_t most = end > arrived ? (end - arrived) / 2 : 0;
  double time =
      (double)results * VTX_WRITE_RESULT + (double)bytes * VTX_WRITE_BYTE;

  if (end == CB_NEVER) return 0;
  return time < (double)most ? (int64_t)time : most;
}
