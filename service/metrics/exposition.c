#include "service/metrics/exposition.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/buf.h"

/* special: the characters that must not stand there as they are. */
static void add_escaped(struct cb_buf *page, const char *text,
                        const char *special) {
  for (;;) {
    size_t plain = strcspn(text, special);

    cb_buf_add(page, text, plain);
    text += plain;
    if (!*text) return;
    cb_buf_add_char(page, '\\');
    cb_buf_add_char(page, *text == '\n' ? 'n' : *text);
    text++;
  }
}

static void add_labels(struct cb_buf *page,
                       const struct vtx_metric_label *label) {
  char before = '{';

  if (!label || !label->name) return;
  for (; label->name; label++) {
    cb_buf_add_char(page, before);
    cb_buf_printf(page, "%s=\"", label->name);
    add_escaped(page, label->value, "\\\"\n");
    cb_buf_add_char(page, '"');
    before = ',';
  }
  cb_buf_add_char(page, '}');
}

/* Whole numbers have all their digits; 15 are what others surely have. */
static void add_value(struct cb_buf *page, double value) {
  if (isinf(value)) {
    cb_buf_add_text(page, value > 0 ? "+Inf" : "-Inf");
  } else {
    cb_buf_printf(page, trunc(value) == value ? "%.0f" : "%.15g", value);
  }
}

void vtx_exposition_family(struct cb_buf *page,
                           const struct vtx_metric_family *family) {
  cb_buf_printf(page, "# HELP %s ", family->name);
  add_escaped(page, family->help, "\\\n");
  cb_buf_printf(page, "\n# TYPE %s %s\n", family->name,
                family->type == VTX_METRIC_COUNTER ? "counter" : "gauge");
}

void vtx_exposition_sample(struct cb_buf *page,
                           const struct vtx_metric_family *family,
                           const struct vtx_metric_label *labels,
                           double value) {
  if (isnan(value)) return;
  cb_buf_add_text(page, family->name);
  add_labels(page, labels);
  cb_buf_add_char(page, ' ');
  add_value(page, value);
  cb_buf_add_char(page, '\n');
}

void vtx_exposition_single(struct cb_buf *page,
                           const struct vtx_metric_family *family,
                           double value) {
  vtx_exposition_family(page, family);
  vtx_exposition_sample(page, family, NULL, value);
}
