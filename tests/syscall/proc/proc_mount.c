/* SPDX-License-Identifier: MIT */
/*
 * proc_mount: proc's mount options: hidepid=, gid=, subset=pid. The host's side prints what proc(5)
 * says.
 */
#include "guest.h"
#include "mounts.h"
#include <dirent.h>
#include <sys/mount.h>

static pid_t other; /* a process of root's */

static long mounts(const char *options)
{
	umount2("p", MNT_DETACH);
	return mount("proc", "p", "proc", 0, options);
}

static bool listed(pid_t pid)
{
	DIR *d = opendir("p");
	struct dirent *e;
	bool found = false;

	while (d && (e = readdir(d)))
		found |= atoi(e->d_name) == pid;
	if (d)
		closedir(d);
	return found;
}

static const char *how(const char *format)
{
	static char text[40];
	char path[60];
	struct stat st;

	snprintf(path, sizeof(path), format, other);
	if (!strchr(path + 2, '/'))
		return stat(path, &st) ? t_errno(errno) : "ok";
	snprintf(text, sizeof(text), "%s", access(path, R_OK) ? t_errno(errno) : "ok");
	return text;
}

/* Prints what another user sees, a member of @gid. */
static void look(const char *options, gid_t gid, const char *want)
{
	char text[200];
	pid_t pid;
	int p[2];

	if (!in_guest()) {
		say("%s as %d: %s", options, gid, want);
		return;
	}
	if (mounts(options))
		say("mount: %s", t_errno(errno));
	NEED(pipe(p));
	pid = SPAWN({
		NEED(setgroups(1, &gid));
		NEED(setgid(1000));
		NEED(setuid(1000));
		snprintf(text, sizeof(text), "listed %d, stat %s, status %s, self %s, uptime %s",
			listed(other), how("p/%d"), how("p/%d/status"),
			access("p/self/status", R_OK) ? "no" : "ok",
			access("p/uptime", R_OK) ? "no" : "ok");
		NEED(write(p[1], text, strlen(text) + 1));
	});
	waitpid(pid, NULL, 0);
	NEED(read(p[0], text, sizeof(text)));
	close(p[0]);
	close(p[1]);
	say("%s as %d: %s", options, gid, text);
}

static const char *shown(void)
{
	static char line[300];
	FILE *f = fopen("/proc/self/mounts", "r");
	char *at, *end;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "/p proc ") && (at = strstr(line, "relatime"))) {
			end = strchr(at, ' ');
			if (end)
				*end = 0;
			fclose(f);
			return at;
		}
	return "";
}

TEST(proc_mount)
{
	struct stat a, b;

	NEED(mkdir("p", 0755));
	NEED(chmod(".", 0755));
	if (in_guest()) {
		own_mounts();
		other = SPAWN({
			for (;;)
				pause();
		});
	}
	look("hidepid=0", 5, "listed 1, stat ok, status ok, self ok, uptime ok");
	look("hidepid=1", 5, "listed 1, stat ok, status EPERM, self ok, uptime ok");
	look("hidepid=noaccess,gid=5", 5, "listed 1, stat ok, status ok, self ok, uptime ok");
	look("hidepid=2", 5, "listed 0, stat ENOENT, status ENOENT, self ok, uptime ok");
	look("hidepid=invisible,gid=6", 5,
		"listed 0, stat ENOENT, status ENOENT, self ok, uptime ok");
	look("hidepid=invisible,gid=6", 6, "listed 1, stat ok, status ok, self ok, uptime ok");
	GT(shown(), "relatime,gid=6,hidepid=invisible");
	look("hidepid=ptraceable,gid=5", 5,
		"listed 0, stat ENOENT, status ENOENT, self ok, uptime ok");
	look("subset=pid", 5, "listed 1, stat ok, status ok, self ok, uptime no");
	GT(shown(), "relatime,subset=pid");
	G(mounts("hidepid=3"), "-1 EINVAL");
	G(mounts("hidepid=x"), "-1 EINVAL");
	G(mounts("gid=-1"), "-1 EINVAL");
	G(mounts("nothing"), "-1 EINVAL");
	G(mounts("hidepid=4,subset=pid"), "0");
	G(mount(NULL, "p", NULL, MS_REMOUNT, "hidepid=off"), "0");
	GT(shown(), "relatime,subset=pid");
	if (in_guest()) {
		NEED(mounts(NULL));
		NEED(stat("/proc", &a));
		NEED(stat("p", &b));
	}
	GIS(a.st_dev != b.st_dev);
	if (in_guest()) {
		kill(other, SIGKILL);
		umount2("p", MNT_DETACH);
	}
}
