/* SPDX-License-Identifier: MIT */
/*
 * cgroup_tree: the tree of groups itself: the names of control files, its depth, which group is
 * charged for it, and what a namespace far below mounts. A test may not change the host's groups,
 * so the host's side prints what is expected.
 */
#include "cgroup.h"

/*
 * A group and a control file never have one name: Linux refuses to enable the controller.
 */
static void names(void)
{
	GIVES(mkdir("n", 0755), 0);
	GIVES(mkdir("n/a", 0755), 0);
	GIVES(mkdir("n/a/memory.max", 0755), 0);
	GIVES(mkdir("n/a/cgroup.procs", 0755), EEXIST);
	GIVES(access("n/a/memory.max/cgroup.procs", F_OK), 0);
	GIVES(put("n/cgroup.subtree_control", "+memory +pids"), EEXIST);
	WANT("none was given", !strcmp(get("n/cgroup.subtree_control"), ""));
	GIVES(put("n/cgroup.subtree_control", "+pids"), 0);
	GIVES(rmdir("n/a/memory.max"), 0);
	GIVES(put("n/cgroup.subtree_control", "+memory"), 0);
	WANT("it is the file", !strcmp(get("n/a/memory.max"), "max\n"));
	GIVES(mkdir("n/a/memory.max", 0755), EEXIST);
	GIVES(put("n/a/cgroup.pressure", "0"), 0);
	GIVES(mkdir("n/a/cpu.pressure", 0755), EEXIST); /* hidden, but there */
	GIVES(rmdir("n/a"), 0);
	GIVES(rmdir("n"), 0);
}

#define NAME_LENGTH 250
#define LEVELS 20 /* a path of more than a page */

static void long_name(char *name)
{
	memset(name, 'd', NAME_LENGTH);
	name[NAME_LENGTH] = 0;
}

/* A mount by a member of a cgroup namespace does not show the groups above. */
static void mounts_own(void)
{
	char name[NAME_LENGTH + 1], up[PATH_MAX];
	bool made = true;

	long_name(name);
	NEED(getcwd(up, sizeof(up)) ? 0 : -1);
	NEED(unshare(CLONE_NEWNS));
	NEED(mkdir("outside", 0755));
	for (int i = 0; i < LEVELS; i++)
		made = made && !mkdir(name, 0755) && !chdir(name);
	NEED(put("cgroup.procs", "0"));
	NEED(mkdir("inside", 0755));
	NEED(unshare(CLONE_NEWCGROUP));
	NEED(chdir(up));
	NEED(mount("none", "../low", "cgroup2", 0, NULL));
	say("made: %s; mounted: %s, with what is outside: %s", made ? "yes" : "no",
		access("../low/inside/cgroup.procs", F_OK) ? "no" : "yes",
		access("../low/outside", F_OK) ? "no" : "yes");
	NEED(umount("../low"));
}

/* Enters the group that was made last. Removes that group and those above it, up to this folder. */
static void unmake(const char *name, int levels)
{
	int top = NEED(open(".", O_PATH | O_DIRECTORY)), depth = 0;

	while (depth < levels && !chdir(name))
		depth++;
	rmdir("inside");
	for (; depth; depth--) {
		NEED(chdir(".."));
		NEED(rmdir(name));
	}
	NEED(fchdir(top));
	close(top);
}

static void far_below(void)
{
	char name[NAME_LENGTH + 1];

	if (!guest) {
		say("made: yes; mounted: yes, with what is outside: no\nchild: exited 0");
		return;
	}
	long_name(name);
	NEED(mkdir("../low", 0755));
	CHILD(mounts_own());
	unmake(name, LEVELS);
	NEED(rmdir("outside"));
	NEED(rmdir("../low"));
}

static void depth(void)
{
	int levels = 0, err;

	if (!guest) {
		say("levels: 256; then EAGAIN");
		return;
	}
	NEED(mkdir("deep", 0755));
	NEED(chdir("deep"));
	for (levels = 1; !mkdir("d", 0755) && levels < 400; levels++)
		NEED(chdir("d"));
	err = errno;
	for (int i = 1; i < levels; i++)
		NEED(chdir(".."));
	unmake("d", levels);
	NEED(chdir(".."));
	NEED(rmdir("deep"));
	say("levels: %d; then %s", levels, t_errno(err));
}

/* so many that free room in existing slabs does not matter */
#define MANY 2000

/* A task that makes groups and reads their files is charged for them until they are removed. */
static void paid_for(void)
{
	char path[64];
	int status;
	long had;
	pid_t pid;

	if (!guest) {
		say("groups: exited 0\nit is given back: yes");
		return;
	}
	NEED(mkdir("m", 0755));
	pid = SPAWN({
		long before, made, seen;

		NEED(put("m/cgroup.procs", "0"));
		before = figure("m/memory.current", "");
		for (int i = 0; i < MANY; i++) {
			snprintf(path, sizeof(path), "many/%d", i);
			NEED(mkdir(path, 0755));
		}
		made = figure("m/memory.current", "");
		for (int i = 0; i < MANY; i++) {
			snprintf(path, sizeof(path), "many/%d/cgroup.procs", i);
			NEED(access(path, F_OK));
			snprintf(path, sizeof(path), "many/%d/cgroup.events", i);
			NEED(access(path, F_OK));
			snprintf(path, sizeof(path), "many/%d/cpu.stat", i);
			NEED(access(path, F_OK));
		}
		seen = figure("m/memory.current", "");
		_exit(made - before < MANY << 9 || seen - made < MANY << 9);
	});
	NEED(waitpid(pid, &status, 0));
	t_status("groups", status);
	had = figure("m/memory.current", "");
	for (int i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "many/%d", i);
		NEED(rmdir(path));
	}
	T_WAIT(figure("m/memory.current", "") < had - (MANY << 10));
	WANT("it is given back", figure("m/memory.current", "") < had - (MANY << 10));
	T_WAIT(!rmdir("m"));
}

TEST(cgroup_tree)
{
	guest = cgroup_enter();
	GIVES(put("cgroup.subtree_control", "+memory +pids"), 0);
	names();
	far_below();
	depth();
	GIVES(mkdir("many", 0755), 0);
	paid_for();
	GIVES(rmdir("many"), 0);
	GIVES(put("cgroup.subtree_control", "-memory -pids"), 0);
	cgroup_leave();
}
