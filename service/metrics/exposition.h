/* exposition.h - figures as a page that Prometheus scrapes: its text exposition
 * format 0.0.4.
 *
 * A page is one family after the other. A family is told once, its samples
 * follow, which differ in their labels:
 *
 *   # HELP vertexd_target_in_flight Calls under way.
 *   # TYPE vertexd_target_in_flight gauge
 *   vertexd_target_in_flight{target="us/m"} 3
 *
 * Names are taken as they are. Values of labels and helps are UTF-8, and are
 * escaped.
 *
 * Threads:   none inside.
 * Ownership: the page is a cb_buf of the caller's, with its own maximum; its
 *            mark says in the end whether all of it was written.
 */
#ifndef VTX_METRICS_EXPOSITION_H
#define VTX_METRICS_EXPOSITION_H

struct cb_buf;

/* The Content-Type of a page. */
#define VTX_EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum vtx_metric_type {
  VTX_METRIC_COUNTER, /* only grows; its name ends in _total */
  VTX_METRIC_GAUGE,
};

struct vtx_metric_family {
  const char *name;
  enum vtx_metric_type type;
  const char *help;
};

struct vtx_metric_label {
  const char *name; /* NULL behind the last one of a list */
  const char *value;
};

/* Begins a family, of which there is one of each name on a page. */
void vtx_exposition_family(struct cb_buf *page,
                           const struct vtx_metric_family *family);

/* Adds a sample to the family that was begun last. labels may be NULL. Infinity
 * is a value; NaN is none, and its sample is left out. */
void vtx_exposition_sample(struct cb_buf *page,
                           const struct vtx_metric_family *family,
                           const struct vtx_metric_label *labels, double value);

/* A family of one sample without labels. */
void vtx_exposition_single(struct cb_buf *page,
                           const struct vtx_metric_family *family,
                           double value);

#endif
