/* SPDX-License-Identifier: MIT */
/*
 * binfmt_misc, in a user namespace of its own: the syntax of a registration, how it is shown,
 * enabled and removed; the arguments of an interpreter for each flag; scripts, order of matching
 * and depth of recursion; two mounts of one instance, and its end.
 */
#include "t.h"
#include <linux/auxvec.h>
#include <sys/auxv.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/vfs.h>

static void put(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	NEED(write(fd, text, strlen(text)));
	close(fd);
}

static long tell(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	long n = fd < 0 ? fd : write(fd, text, strlen(text)), err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return n;
}

static void show(const char *path)
{
	char text[5000];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0) {
		say("%s: %s", path, t_errno(errno));
		close(fd);
		return;
	}
	text[n] = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		say("  %s", line);
	close(fd);
}

/* Prints what an interpreter sees. */
static void interpreter(void)
{
	char comm[16] = "", start[8] = "", line[1000];
	long fd = (long)getauxval(AT_EXECFD);
	int n = 0;

	prctl(PR_GET_NAME, comm);
	for (int i = 0; i < t_argc; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, " <%s>", t_argv[i]);
	say("  interpreter:%s", line);
	say("  %s, execfn %s, flags %lu", comm, (char *)getauxval(AT_EXECFN), getauxval(AT_FLAGS));
	if (fd && pread((int)fd, start, 5, 0) > 0)
		say("  the file is open: %s, flags %x, write %d", start,
			fcntl((int)fd, F_GETFL) & O_ACCMODE, open(t_argv[1], O_WRONLY) >= 0);
}

static void run(const char *path, const char *argv0)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		execl(path, argv0, "one", "two", NULL);
		say("  exec %s: %s", path, t_errno(errno));
		_exit(1);
	}
	waitpid(pid, &status, 0);
	say("%s: %x", path, status);
}

static void bad_lines(void)
{
	static const char *const lines[] = { ":d:M:3:XY:\\xff:/b:", ":e:X::a::/b:",
		":f/g:E::a::/b:", ":..:E::a::/b:", ":.:E::a::/bb:", ":g:E::a/b::/b:",
		":h:E::a::/nonexistent:F", ":i:E::a::::", ":j:E::::/b:", ":k:E::a::/b:Z",
		":m:M:300:a::/b:", ":n:M:-1:a::/b:", ":nn:M:256:a::/b:", "::E::a::/b:",
		":p:E::q::/b:PP", ",q,E,,q,,/b,",
		":r:EE::a::/b:", ":s:M:x:a::/b:", ":t:M::::/bin/b:", "short",
		":status:E::a::/b:", ":register:E::a::/b:", "register a line",
		":u:M:255:a::/b:", ":v:M:255:ab::/b:", ":w:E::x::/b:\n", ":x:E::x::/b:\n\n",
		":y:E::x::/b:P\n", ":z:E::x::/b" };
	char longer[2001];

	for (unsigned i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		long n = tell("m/register", lines[i]);

		say("%u %s: %ld %s", i, lines[i], n, n < 0 ? t_errno(errno) : "");
	}
	memset(longer, 'x', sizeof(longer));
	memcpy(longer, ":long:E::x::/", 13);
	memcpy(longer + 1919, ":", 2);
	T(tell("m/register", longer));
	longer[1919] = 'x';
	memcpy(longer + 1920, ":", 2);
	T(tell("m/register", longer));
	T(tell("m/status", "-1"));
}

static void shown(void)
{
	T(tell("m/register", ":a:E::foo::/bin/x:"));
	show("m/a");
	T(tell("m/register", ":a:E::foo::/bin/x:"));
	T(tell("m/register", ":b:M::\\x7f\\x41B::/bin/y:PO"));
	show("m/b");
	T(tell("m/register", ":c:M:3:X\\x00Y:\\xff\\x0F\\xfe:rel/z:C"));
	show("m/c");
	T(tell("m/register", "/d/M/0/\\x2f\\q\\x3//z/F"));
	T(tell("m/register", ":f:E::f::./binfmt_misc:F"));
	show("m/f");
	T(tell("m/a", "0"));
	show("m/a");
	T(tell("m/a", "1\n"));
	show("m/a");
	T(tell("m/a", "2"));
	T(tell("m/a", "00"));
	T(tell("m/a", "1\n\n"));
	T(tell("m/a", "-1\n"));
	show("m/a");
	T(tell("m/status", "0"));
	show("m/status");
	T(tell("m/status", "1"));
	T(tell("m/status", "2"));
	show("m/status");
	T(unlink("m/b"));
	T(mkdir("m/x", 0700));
	T(open("m/new", O_CREAT | O_WRONLY, 0600));
	T(rename("m/b", "m/bb"));
	T(chmod("m/b", 0600));
	T(tell("m/status", "-1\n"));
	show("m/b");
	show("m/register");
}

static void flags(void)
{
	put("t.foo", "data of a file\n", 0755);
	put("t.bar", "#!./t.foo arg\n", 0755);
	put("t.not", "data of a file\n", 0644);
	put("t.magic", "xyzABC and so on\n", 0755);
	put("script.sh", "#!./binfmt_misc hash\n", 0755);
	run("./t.foo", "zero");
	T(tell("m/register", ":a:E::foo::./binfmt_misc:"));
	run("./t.foo", "zero");
	run("./t.not", "zero");
	run("./t.bar", "zero");
	T(tell("m/a", "-1"));
	T(tell("m/register", ":a:E::foo::./binfmt_misc:P"));
	run("./t.foo", "zero");
	T(tell("m/a", "-1"));
	T(tell("m/register", ":a:E::foo::./binfmt_misc:O"));
	run("./t.foo", "zero");
	T(tell("m/a", "-1"));
	T(tell("m/register", ":a:E::foo::./binfmt_misc:POCF"));
	run("./t.foo", "zero");
	T(rename("binfmt_misc", "away"));
	run("./t.foo", "zero");
	T(rename("away", "binfmt_misc"));
	T(tell("m/register", ":m:M:3:Aaa:\\xff\\x5f\\x5f:./binfmt_misc:"));
	run("./t.magic", "zero");
	T(tell("m/register", ":m2:M:3:AbC:\\xff\\xdf\\xff:./binfmt_misc:"));
	run("./t.magic", "zero");
	T(tell("m/register", ":newer:M:2:zA::./script.sh:P"));
	run("./t.magic", "zero");
	T(tell("m/newer", "0"));
	run("./t.magic", "zero");
	T(tell("m/register", ":sh:E::sh::./binfmt_misc:"));
	run("./script.sh", "zero");
	T(tell("m/register", ":loop:E::loop::./t.loop:"));
	put("t.loop", "what\n", 0755);
	run("./t.loop", "zero");
	T(tell("m/register", ":none:E::none::./none:"));
	put("t.none", "what\n", 0755);
	run("./t.none", "zero");
	T(tell("m/status", "0"));
	run("./t.foo", "zero");
	T(tell("m/status", "1"));
	run("./t.foo", "zero");
}

static void nested_namespace(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		T(unshare(CLONE_NEWUSER));
		run("./t.foo", "its parent's");
		_exit(0);
	}
	waitpid(pid, &status, 0);
	pid = fork();
	if (!pid) {
		T(unshare(CLONE_NEWUSER | CLONE_NEWNS));
		T(mount("none", "m2", "binfmt_misc", 0, NULL));
		show("m2/status");
		show("m2/a");
		run("./t.foo", "its own");
		T(umount("m2"));
		run("./t.foo", "its parent's again");
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

static int become_root_of_a_namespace(void)
{
	char map[40];
	unsigned uid = getuid(), gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	tell("/proc/self/uid_map", map);
	tell("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	tell("/proc/self/gid_map", map);
	return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

TEST(binfmt_misc)
{
	struct statfs st;
	struct stat s;

	if (t_argc > 1) {
		interpreter();
		return;
	}
	NEED(symlink("/proc/self/exe", "link"));
	NEED(mkdir("m", 0755));
	NEED(mkdir("m2", 0755));
	{
		char self[PATH_MAX];

		self[NEED(readlink("/proc/self/exe", self, sizeof(self) - 1))] = 0;
		NEED(symlink(self, "binfmt_misc"));
	}
	NEED(become_root_of_a_namespace());
	T(mount("none", "m", "binfmt_misc", 0, "foo=1"));
	T(mount("none", "m", "binfmt_misc", 0, NULL));
	T(statfs("m", &st));
	T(stat("m/register", &s));
	say("magic %lx, register %o size %ld", (long)st.f_type, s.st_mode, (long)s.st_size);
	T(stat("m/status", &s));
	say("status %o size %ld", s.st_mode, (long)s.st_size);
	bad_lines();
	shown();
	flags();
	nested_namespace();
	T(mount("none", "m2", "binfmt_misc", 0, NULL));
	show("m2/a");
	T(umount("m"));
	run("./t.foo", "the second mount");
	T(umount("m2"));
	run("./t.foo", "no mount");
	T(mount("none", "m2", "binfmt_misc", 0, NULL));
	show("m2/a");
	T(umount("m2"));
}
