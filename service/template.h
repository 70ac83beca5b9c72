/* template.h - the templates of a map: compiled once, rendered for each item.
 *
 * {item} is the item, {item.key} and {item[3]} reach into it and can be
 * chained, {index} is its position, {{ and }} are braces. A key is any text
 * without . [ ] { and }. Everything else in braces is an error of the template.
 *
 * Limits: VTX_TEMPLATE_SEGMENTS pieces of a template, or of all parts of
 * contents together; VTX_TEMPLATE_STEPS steps of a placeholder; the buffer's
 * maximum for what is rendered; VTX_TEMPLATE_LOOKS fields that are looked at
 * for one item.
 *
 * Threads:   compile on one, render on any afterwards: only items are written.
 * Ownership: a template lives in the arena and borrows the text it was made of.
 */
#ifndef VTX_TEMPLATE_H
#define VTX_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"
#include "google/protobuf/struct.pb-c.h"
#include "vertexd/v1/gemini.pb-c.h"

struct cb_arena;
struct vtx_template;
struct vtx_contents_template;

/* What placeholders stand for. Exactly one of text and value is set. */
struct vtx_template_item {
  const char *text;
  const Google__Protobuf__Value *value;
  const char *shown; /* what {item} stands for; NULL: the item itself */
  uint32_t index;
  const char *field; /* its path in the request, e.g. "items[3]" */
  uint64_t looks;    /* at fields of value, by all that was rendered of it */
};

/* Compiles text. INVALID_ARGUMENT with reason TEMPLATE_INVALID and that field,
 * naming the placeholder and the byte where it begins; REQUEST_TOO_LARGE past
 * arena's cap, SERVER_MEMORY when its budget is used up. */
struct cb_status vtx_template_compile(const char *text, const char *field,
                                      struct cb_arena *arena,
                                      struct vtx_template **ret_template);

/* The same for one of several templates that share the limit of segments:
 * *segments are those of the ones before, to which its own are added. */
struct cb_status vtx_template_compile_part(const char *text, const char *field,
                                           struct cb_arena *arena,
                                           size_t *segments,
                                           struct vtx_template **ret_template);

/* Appends the rendered text to out, and adds to item->looks. INVALID_ARGUMENT
 * with field item->field and reason TEMPLATE_KEY_MISSING if the item lacks what
 * a placeholder asks for, TEMPLATE_TOO_COSTLY if item->looks gets past
 * VTX_TEMPLATE_LOOKS; RESOURCE_EXHAUSTED with PROMPT_TOO_LARGE past out's
 * maximum, with SERVER_MEMORY when its budget is used up. */
struct cb_status vtx_template_render(const struct vtx_template *compiled,
                                     struct vtx_template_item *item,
                                     struct cb_arena *arena,
                                     struct cb_buf *out);

/* Compiles every text and file URI of contents; fields of errors are named
 * like contents_template[0].parts[1].text. The contents are borrowed. Errors as
 * of vtx_template_compile(). */
struct cb_status vtx_contents_compile(
    Vertexd__V1__Content *const *contents, size_t count, struct cb_arena *arena,
    struct vtx_contents_template **ret_template);

/* How many contents it renders to. */
size_t vtx_contents_count(const struct vtx_contents_template *compiled);

/* Renders into arena. *ret_contents shares with the template whatever is no
 * template. At most VTX_RENDERED_MAX bytes of text in all. Errors as of
 * vtx_template_render(). */
struct cb_status vtx_contents_render(
    const struct vtx_contents_template *compiled,
    struct vtx_template_item *item, struct cb_arena *arena,
    Vertexd__V1__Content ***ret_contents);

#endif
