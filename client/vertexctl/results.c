#include "client/vertexctl/results.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/vertexctl/lines.h"
#include "client/vertexctl/pack.h"

#define MAX_LINE ((size_t)512 << 20)
#define MAX_LINE_DEPTH 1000 /* answers nest as they like */

static bool failed(const struct ctl_results *results,
                   struct ctl_problem *problem, const char *what) {
  CTL_PROBLEM(problem, "%.300s: %s: %s",
              results->path ? results->path : "stdout", what, strerror(errno));
  return false;
}

/* Opens and locks path; -1 and errno if that fails. */
static int open_locked(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

  if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  close(fd);
  return -1;
}

bool ctl_results_open(struct ctl_results *results, const char *path,
                      bool resume, struct ctl_problem *problem) {
  struct stat found;

  *results = (struct ctl_results){.path = path, .fd = STDOUT_FILENO};
  if (!path) return true;
  results->fd = open_locked(path);
  if (results->fd < 0 && errno == EWOULDBLOCK) {
    CTL_PROBLEM(problem, "%.300s: in use by another vertexctl", path);
    return false;
  }
  if (results->fd < 0) return failed(results, problem, "cannot be opened");
  if (fstat(results->fd, &found) != 0 || resume || found.st_size == 0)
    return true;
  CTL_PROBLEM(problem,
              "%.300s: has results already; give --resume to go on with it",
              path);
  ctl_results_close(results);
  return false;
}

void ctl_results_close(struct ctl_results *results) {
  if (results->path && results->fd >= 0) close(results->fd);
  results->fd = -1;
}

/* What one line says: the id, to be freed, and whether it is an error. NULL:
 * not a line of ours. */
static char *read_result(const struct ctl_lines *lines, bool *ret_failed) {
  struct ctl_problem ignored;
  bool is_null;
  json_object *json = ctl_parse(ctl_lines_text(lines), lines->buf.len,
                                MAX_LINE_DEPTH, &is_null, &ignored);
  json_object *id = NULL;
  char *text = NULL;

  if (json_object_is_type(json, json_type_object) &&
      json_object_object_get_ex(json, "id", &id) &&
      json_object_is_type(id, json_type_string))
    text = strdup(json_object_get_string(id));
  *ret_failed = text && json_object_object_get_ex(json, "error", NULL);
  json_object_put(json);
  return text;
}

static bool note(struct ctl_ids *ids, const char *id, bool is_failed,
                 struct ctl_earlier *earlier) {
  enum ctl_id_state before = ctl_ids_state(ids, id);

  if (before == CTL_ID_ANSWERED || (before == CTL_ID_FAILED && is_failed))
    return true;
  if (before == CTL_ID_FAILED) earlier->failed--;
  if (is_failed)
    earlier->failed++;
  else
    earlier->answered++;
  return ctl_ids_mark(ids, id, is_failed ? CTL_ID_FAILED : CTL_ID_ANSWERED);
}

static bool note_line(const struct ctl_results *results,
                      const struct ctl_lines *lines, struct ctl_ids *ids,
                      struct ctl_earlier *earlier,
                      struct ctl_problem *problem) {
  bool is_failed;
  char *id = read_result(lines, &is_failed);
  bool good = id && note(ids, id, is_failed, earlier);

  if (!id)
    CTL_PROBLEM(problem, "%.300s: line %" PRIu64 ": not a result of vertexctl",
                results->path, lines->number);
  else if (!good)
    CTL_PROBLEM(problem, "out of memory");
  free(id);
  return good;
}

/* The file from its start, to be closed by the caller. */
static FILE *reader_of(const struct ctl_results *results) {
  return fopen(results->path, "re");
}

static bool note_all(const struct ctl_results *results, FILE *file,
                     struct ctl_ids *ids, struct ctl_earlier *earlier,
                     struct ctl_problem *problem) {
  struct ctl_lines lines;
  enum ctl_line read;
  uint64_t whole = 0; /* bytes up to the end of the last whole line */
  bool good = true;

  ctl_lines_init(&lines, file, MAX_LINE);
  while (good && (read = ctl_lines_next(&lines)) == CTL_LINE) {
    good = note_line(results, &lines, ids, earlier, problem);
    whole = lines.end;
  }
  earlier->torn = lines.end - whole;
  ctl_lines_release(&lines);
  if (!good) return false;
  if (read == CTL_LINE_FAILED || read == CTL_LINE_TOO_LONG)
    return failed(results, problem, "cannot be read");
  if (earlier->torn == 0 || ftruncate(results->fd, (off_t)whole) == 0)
    return true;
  return failed(results, problem, "the torn last line cannot be cut off");
}

/* Copies the lines whose ids were answered. */
static bool copy_answers(FILE *from, FILE *to, const struct ctl_ids *ids) {
  struct ctl_lines lines;
  bool good = true;

  ctl_lines_init(&lines, from, MAX_LINE);
  while (good && ctl_lines_next(&lines) == CTL_LINE) {
    bool is_failed;
    char *id = read_result(&lines, &is_failed);

    if (id && !is_failed && ctl_ids_state(ids, id) == CTL_ID_ANSWERED)
      good = fwrite(ctl_lines_text(&lines), 1, lines.buf.len, to) ==
                 lines.buf.len &&
             putc('\n', to) != EOF;
    free(id);
  }
  good = good && !ferror(from);
  ctl_lines_release(&lines);
  return good;
}

/* Makes the new file, and puts it in the place of the old one when all of it
 * is on the disk. */
static bool replace(struct ctl_results *results, const char *path,
                    const struct ctl_ids *ids) {
  FILE *from = reader_of(results);
  FILE *to = from ? fopen(path, "we") : NULL;
  bool good = to && copy_answers(from, to, ids) && fflush(to) == 0 &&
              fsync(fileno(to)) == 0;
  int fd = -1;

  if (to && fclose(to) != 0) good = false;
  if (from) fclose(from);
  if (good) fd = open_locked(path);
  if (fd < 0 || rename(path, results->path) != 0) {
    if (fd >= 0) close(fd);
    return false;
  }
  close(results->fd);
  results->fd = fd;
  return true;
}

static bool drop_failed(struct ctl_results *results, const struct ctl_ids *ids,
                        struct ctl_problem *problem) {
  size_t size = strlen(results->path) + sizeof ".new";
  char *path = malloc(size);
  bool good = false;

  if (path) {
    snprintf(path, size, "%s.new", results->path);
    good = replace(results, path, ids);
  }
  if (!good) failed(results, problem, "its failures cannot be taken out");
  free(path);
  return good;
}

bool ctl_results_read(struct ctl_results *results, struct ctl_ids *ids,
                      bool forget_failed, struct ctl_earlier *ret_earlier,
                      struct ctl_problem *problem) {
  FILE *file = reader_of(results);
  bool good;

  *ret_earlier = (struct ctl_earlier){0};
  if (!file) return failed(results, problem, "cannot be read");
  good = note_all(results, file, ids, ret_earlier, problem);
  fclose(file);
  if (!good || !forget_failed || ret_earlier->failed == 0) return good;
  if (!drop_failed(results, ids, problem)) return false;
  ctl_ids_reopen(ids);
  ret_earlier->failed = 0;
  return true;
}

/* Takes back what a write that failed has left of a line. */
static void take_back(const struct ctl_results *results, size_t written) {
  struct stat found;

  if (written == 0 || fstat(results->fd, &found) != 0 ||
      !S_ISREG(found.st_mode))
    return;
  if (ftruncate(results->fd, found.st_size - (off_t)written) != 0)
    return; /* the next run cuts it off */
}

bool ctl_results_write(struct ctl_results *results, const char *line,
                       size_t size, struct ctl_problem *problem) {
  size_t written = 0;

  while (written < size) {
    ssize_t done = write(results->fd, line + written, size - written);

    if (done < 0 && errno == EINTR) continue;
    if (done < 0) {
      int why = errno;

      take_back(results, written);
      errno = why;
      return failed(results, problem, "cannot be written");
    }
    written += (size_t)done;
  }
  if (results->sync && fdatasync(results->fd) != 0 && errno != EINVAL)
    return failed(results, problem, "cannot be brought to the disk");
  return true;
}
