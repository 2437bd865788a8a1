/* SPDX-License-Identifier: MIT */
/*
 * spawn.c: a program that the kernel starts by itself; see spawn.h. All steps run in the new
 * process, which reports failures.
 */
#include <linux/fcntl.h>

#include "gen/syscalls.h"
#include "kernel/task/internal.h"
#include "kernel/task/spawn.h"
#include "kernel/vfs/vfs.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PROGRAM_MAX 4096

/* Changes the working directory of the new process. @dir NULL: "/". Returns 0 or -errno. */
static int go_to(const char *dir)
{
	struct fs_struct *fs = current->fs;
	struct path to, old;
	int err = kern_path(dir ? dir : "/", LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &to);

	if (err)
		return err;
	err = path_permission(&to, MAY_EXEC | MAY_CHDIR);
	if (err) {
		path_put(&to);
		return err;
	}
	spin_lock(&fs->lock);
	WRITE_ONCE(fs->seq, fs->seq + 1);
	old = fs->pwd;
	fs->pwd = to;
	WRITE_ONCE(fs->seq, fs->seq + 1);
	spin_unlock(&fs->lock);
	path_put(&old);
	return 0;
}

static int enter(struct spawn *s)
{
	int err = go_to(s->dir);

	if (err && s->dir_optional)
		err = go_to("/");
	s->dir_failed = err;
	return err;
}

/* Installs the files as descriptors 0, 1 and 2. Returns 0 or -errno. */
static int take_files(struct spawn *s)
{
	struct file *files[3] = { NULL };
	int err = s->files(s, files);

	for (int i = 0; !err && i < 3; i++) {
		int fd = get_unused_fd(0);

		if (fd < 0) {
			err = fd;
			break;
		}
		fd_install(fd, files[i]);
		files[i] = NULL;
	}
	for (int i = 0; i < 3; i++)
		if (files[i])
			fput(files[i]);
	return err;
}

/* Sets the supplementary groups. Returns 0 or -ENOMEM. */
static int take_groups(const struct spawn *s)
{
	struct group_info *g = kmalloc(sizeof(*g) + s->nr_groups * sizeof(g->gid[0]), GFP_KERNEL);
	struct cred *new = g ? prepare_creds() : NULL;

	if (!new) {
		kfree(g);
		return -ENOMEM;
	}
	atomic_set(&g->usage, 1);
	g->ngroups = s->nr_groups;
	for (u32 i = 0; i < s->nr_groups; i++) { /* insertion sort */
		u32 j = i;

		for (; j && g->gid[j - 1] > s->groups[i]; j--)
			g->gid[j] = g->gid[j - 1];
		g->gid[j] = s->groups[i];
	}
	/* Not the last reference to the old groups: current's credentials have one too. */
	atomic_dec(&new->group_info->usage);
	new->group_info = g;
	return commit_creds(new);
}

/*
 * Drops capabilities from the bounding set. The following execve() drops them from the other sets.
 * Returns 0 or -errno.
 */
static int limit_caps(const struct spawn *s)
{
	struct cred *new = prepare_creds();

	if (!new)
		return -ENOMEM;
	new->cap_bset &= ~s->caps_dropped;
	return commit_creds(new);
}

static int become(const struct spawn *s)
{
	int err = take_groups(s);

	if (!err && s->caps_dropped)
		err = limit_caps(s);
	if (!err)
		err = (int)sys_setgid(s->gid);
	if (!err)
		err = (int)sys_setuid(s->uid);
	return err;
}

static const char *search_path(const char *const *envp)
{
	for (; *envp; envp++)
		if (!strncmp(*envp, "PATH=", 5))
			return *envp + 5;
	return PATH_DEFAULT;
}

/*
 * Executes the first executable file in the search path, as execvp(3) does. Returns 0 or -errno. A
 * missing permission for a file is returned only if no later file can be executed.
 */
static int execute(const struct spawn *s, char *file)
{
	const char *path = search_path(s->envp);
	int err, result = -ENOENT;

	if (strchr(s->argv[0], '/'))
		return kernel_execve(s->argv[0], s->argv, s->envp);
	for (;;) {
		size_t n = strcspn(path, ":");

		if (scnprintf(file, PROGRAM_MAX, "%.*s%s%s", (int)n, path, n ? "/" : "",
			    s->argv[0]) >= PROGRAM_MAX - 1)
			return -ENAMETOOLONG;
		err = kernel_execve(file, s->argv, s->envp);
		if (err != -ENOENT && err != -ENOTDIR && err != -EACCES)
			return err;
		if (err == -EACCES)
			result = err;
		if (!path[n])
			return result;
		path += n + 1;
	}
}

/*
 * Runs in the new process. Returns 0 if current has executed the program, or -errno. Calls
 * s->started() in both cases.
 */
static int run_spawn(void *arg)
{
	struct spawn *s = arg;
	char *file = kmalloc(PROGRAM_MAX, GFP_KERNEL);
	int err = file ? 0 : -ENOMEM;

	sys_setsid();
	s->pid = get_pid(current->thread_pid);
	if (!err)
		err = take_files(s);
	if (!err)
		err = become(s);
	if (!err)
		err = enter(s);
	if (!err) {
		current->signal->exit_watch = s->watch;
		err = execute(s, file);
	}
	current->signal->exit_watch = err ? NULL : s->watch;
	kfree(file);
	s->started(s, err);
	return err;
}

int kernel_spawn(struct spawn *s)
{
	return kernel_spawn_helper(run_spawn, s);
}
