/* SPDX-License-Identifier: MIT */
/*
 * output.h: output files, which get their names once they are complete, and temporary files, which
 * have no name.
 *
 *      int fd = output_open(path);
 *      ... write ...
 *      output_finish(fd, path, false);
 */
#ifndef NESTLING_NESTCTL_OUTPUT_H
#define NESTLING_NESTCTL_OUTPUT_H

#include <stdbool.h>

/*
 * Part of the name of an unfinished output that needs one: the path, this mark, and eight digits.
 */
#define OUTPUT_MARK ".nestctl-"

/*
 * Opens an output for reading and writing, close-on-exec. Its mode is 0600, since it has a guest's
 * secrets. Returns its descriptor. Dies on an error, or if @path exists and is no regular file.
 * Calls clean_up_when_ended(). At most 16 outputs may be unfinished.
 */
int output_open(const char *path);
/*
 * Writes the file back to the disk, gives it its name and closes @fd. @path is that of
 * output_open(). @replace: an existing file is replaced, else it is an error. Dies on an error.
 */
void output_finish(int fd, const char *path, bool replace);
/* Gives the file the mode that the umask allows, for an archive that the user will pass on. */
void output_by_umask(int fd);
/*
 * Gives @fd the mode of @old, the file that it is to replace, and if possible the owner and group
 * of @old. If these cannot be given, the mode is without the group's rights. Ignores other errors.
 */
void output_replaces(int fd, int old);
/*
 * Makes the existing file @path a companion of @fd of output_open(), which is removed if @fd is
 * never finished. @path must stay valid. An output has at most one companion.
 */
void output_companion(int fd, const char *path);

/*
 * From now on exit(), SIGINT, SIGTERM and SIGHUP terminate the child of spawn() and remove the
 * temporary folder, the names of unfinished outputs, and their companions. An ignored SIGHUP
 * (nohup) stays ignored.
 */
void clean_up_when_ended(void);

/*
 * Opens a file without a name in $TMPDIR, /var/tmp or /tmp, for reading and writing, close-on-exec.
 * @what: the file's purpose, for messages. Returns the descriptor, or dies.
 */
int temporary_file(const char *what);
/*
 * Returns the path of the folder for this process's files, in $TMPDIR, /var/tmp or /tmp. The first
 * call makes it. The folder and its contents are removed when the process ends, as
 * clean_up_when_ended() describes. @what: the folder's purpose, for messages. Dies on an error.
 */
const char *temporary_folder(const char *what);

#endif
