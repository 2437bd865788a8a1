/* SPDX-License-Identifier: MIT */
/*
 * core_name.c: expands core_pattern for a process that dumps core, to the name of a file, or to a
 * program and its arguments (core(5)).
 *
 *	core_name(buf, size, sig)	the file's name
 *	core_words(text, argv, sig)	the program and its arguments, their text in CORE_WORDS_SIZE
 *	                                bytes
 *
 * A name that the process or its user has chosen (%e %f %E %h) must stay within one component of
 * the path, lest the dump goes to another directory. So it has no slash, and is neither empty nor
 * "." nor "..".
 */
#include "kernel/task/internal.h"
#include "kernel/ident/pid_ns.h"
#include "kernel/vfs/vfs.h"

char core_pattern[128] = "core";
int sysctl_core_uses_pid;

/*
 * Changes the terminated name of @n bytes into a valid part of a path component; an empty name
 * becomes "!". The buffer has at least two bytes. Returns the new length.
 */
static size_t tame(char *name, size_t n)
{
	if (!n) {
		strscpy(name, "!", 2);
		return 1;
	}
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		name[0] = '!';
	for (size_t i = 0; i < n; i++)
		if (name[i] == '/')
			name[i] = '!';
	return n;
}

static size_t append_name(char *buf, size_t size, const char *name)
{
	return size < 2 ? 0 : tame(buf, (size_t)scnprintf(buf, size, "%s", name));
}

static size_t append_host(char *buf, size_t size)
{
	char name[65];

	uts_get(UTS_HOSTNAME, name);
	return append_name(buf, size, name);
}

/*
 * Writes the program's path into @buf of PATH_MAX bytes and returns its start, or NULL if there is
 * none.
 */
static const char *program_path(struct mm *mm, char *buf)
{
	const char *name;
	struct path p;

	down_read(&mm->mmap_lock);
	if (!mm->exe_file) {
		up_read(&mm->mmap_lock);
		return NULL;
	}
	p = mm->exe_file->f_path;
	path_get(&p);
	up_read(&mm->mmap_lock);
	name = d_path(&p, buf, PATH_MAX);
	path_put(&p);
	return IS_ERR(name) ? NULL : name;
}

/*
 * Appends the path of the program, or its @last_component only. If there is no path, appends
 * current->comm. Returns the bytes that were written. May sleep.
 */
static size_t append_program(char *buf, size_t size, bool last_component)
{
	char *text = kmalloc(PATH_MAX, GFP_KERNEL);
	const char *name = text ? program_path(current->mm, text) : NULL, *slash;
	size_t n;

	if (!name)
		name = current->comm;
	slash = last_component ? strrchr(name, '/') : NULL;
	n = append_name(buf, size, slash ? slash + 1 : name);
	kfree(text);
	return n;
}

/*
 * Appends the number for the letter @c of the pattern. @sig: the signal that ended the process.
 * Returns the bytes that were written, 0 for an unknown letter.
 */
static size_t append_number(char *buf, size_t size, char c, int sig)
{
	switch (c) {
	case 'p': return (size_t)scnprintf(buf, size, "%d", task_tgid_vnr(current));
	case 'P': return (size_t)scnprintf(buf, size, "%d", current->tgid);
	case 'i': return (size_t)scnprintf(buf, size, "%d", task_pid_vnr(current));
	case 'I': return (size_t)scnprintf(buf, size, "%d", current->pid);
	case 'u': return (size_t)scnprintf(buf, size, "%u", current_uid());
	case 'g': return (size_t)scnprintf(buf, size, "%u", current_cred()->gid);
	case 'd': return (size_t)scnprintf(buf, size, "%u", current->mm->dump_mode);
	case 's': return (size_t)scnprintf(buf, size, "%d", sig);
	case 't': return (size_t)scnprintf(buf, size, "%lu", ktime_get_real() / 1000000000UL);
	case 'c': return (size_t)scnprintf(buf, size, "%lu", rlimit(RLIMIT_CORE));
	case 'C': return (size_t)scnprintf(buf, size, "%d", current->cpu);
	default: return 0;
	}
}

static size_t append(char *buf, size_t size, char c, int sig)
{
	switch (c) {
	case '%': return (size_t)scnprintf(buf, size, "%%");
	case 'h': return append_host(buf, size);
	case 'e': return append_name(buf, size, current->comm);
	case 'E': return append_program(buf, size, false);
	case 'f': return append_program(buf, size, true);
	default: return append_number(buf, size, c, sig);
	}
}

/*
 * Expands the pattern @p into @buf: to the end of the pattern or, with @words, to the next blank.
 * Stops earlier if @buf is full. Returns a pointer to the place in the pattern where the expansion
 * stopped. Sets *has_pid if the expanded part contains %p.
 */
static const char *expand(const char *p, char *buf, size_t size, int sig, bool words, bool *has_pid)
{
	size_t n = 0;

	for (; *p && !(words && *p == ' ') && n + 1 < size; p++) {
		if (*p != '%') {
			buf[n++] = *p;
			continue;
		}
		if (!*++p)
			break;
		*has_pid |= *p == 'p';
		n += append(buf + n, size - n, *p, sig);
	}
	buf[n] = 0;
	return p;
}

void core_name(char *buf, size_t size, int sig)
{
	bool has_pid = false;
	size_t n;

	expand(core_pattern, buf, size, sig, false, &has_pid);
	n = strlen(buf);
	if (!has_pid && sysctl_core_uses_pid)
		scnprintf(buf + n, size - n, ".%d", task_tgid_vnr(current));
}

/*
 * Splits the pattern into words before expanding them, so that a name with a blank stays in one
 * word.
 */
void core_words(char *text, const char *argv[CORE_MAX_WORDS + 1], int sig)
{
	const char *p = core_pattern + 1;
	char *end = text + CORE_WORDS_SIZE;
	bool has_pid = false;
	u32 n = 0;

	for (; n < CORE_MAX_WORDS && end - text > 1; n++) {
		while (*p == ' ')
			p++;
		if (!*p)
			break;
		argv[n] = text;
		p = expand(p, text, (size_t)(end - text), sig, true, &has_pid);
		text += strlen(text) + 1;
	}
	argv[n] = NULL;
}
