#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/vertexctl/options_internal.h"

#define MAX_INPUT ((size_t)1 << 30)

char *ctl_read_file(const char *path, size_t *ret_size) {
  FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
  char *text = NULL;
  size_t size = 0;
  size_t room = 0;

  while (file && !feof(file) && !ferror(file) && size < MAX_INPUT) {
    if (room - size < 65536) {
      char *larger = realloc(text, room + 65536 + room / 2);

      if (!larger) break;
      text = larger;
      room += 65536 + room / 2;
    }
    size += fread(text + size, 1, room - size - 1, file);
  }
  if (!file || ferror(file) || !feof(file)) {
    free(text);
    text = NULL;
  }
  if (file && file != stdin) fclose(file);
  if (text) text[size] = '\0';
  *ret_size = size;
  return text;
}

void ctl_add_text(struct ctl_options *options, char *text) {
  size_t count = options->text_count;

  if ((count & (count - 1)) == 0) { /* a power of two: full */
    char **larger =
        realloc(options->texts, (count ? count * 2 : 1) * sizeof *larger);

    if (!larger) ctl_wrong("out of memory", NULL);
    options->texts = larger;
  }
  options->texts[options->text_count++] = text;
}

/* The texts are pieces of one block, which the options keep. */
void ctl_read_texts(struct ctl_options *options) {
  bool many = options->command == CTL_BATCH || options->command == CTL_MAP;
  size_t size;
  char *text = ctl_read_file("-", &size);

  if (!text) ctl_wrong("cannot read stdin", NULL);
  options->stdin_text = text;
  if (strlen(text) != size) ctl_wrong("stdin has a NUL byte", NULL);
  if (size > 0 && text[size - 1] == '\n') text[size - 1] = '\0';
  if (!many) {
    ctl_add_text(options, text);
    return;
  }
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    ctl_add_text(options, line);
}
