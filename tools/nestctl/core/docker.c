/* SPDX-License-Identifier: MIT */
/*
 * docker.c: docker's commands and options of run, and their names in nestctl: the rows of
 * docs/from-docker.md (from_docker.c), and the messages for what nestctl lacks.
 */
#include "tools/nestctl/core/docker.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"

const struct docker_row docker_verbs[] = {
	{ "run", "nestctl run",
		"An instance is a virtual machine of its own. Without -d it is always thrown away, "
		"as with --rm, and cannot be detached from." },
	{ "exec", "nestctl exec",
		"It has the user, folder, variables and capabilities of the command; of an "
		"instance "
		"that is not detached those of its image. -d and -t exclude each other." },
	{ "ps", "nestctl ps", "An instance is known by its name alone: {{.ID}} is the name." },
	{ "logs", "nestctl logs",
		"Of detached instances. On a terminal nothing is printed that it "
		"would obey, unless with --raw. --kernel prints the kernel's log." },
	{ "attach", "nestctl attach", "The program does not wait for a slow reader." },
	{ "start", "nestctl start", "/tmp and /run begin anew, with what the image has there." },
	{ "stop", "nestctl stop",
		"It prints no names. Of an instance that is not detached all "
		"programs get the signal." },
	{ "restart", "nestctl restart", "Of detached instances." },
	{ "kill", "nestctl kill",
		"Of a detached instance disks are synced. Others end as in a "
		"power cut, and take no other signal. The init of a machine gets what it "
		"handles." },
	{ "cp", "nestctl cp", "The instance needs sh and tar. Devices are left out." },
	{ "wait", "nestctl wait", "" },
	{ "rename", "nestctl rename", "At a switch the old name stays until the next start." },
	{ "rm", "nestctl rm", "" },
	{ "pause", "nestctl pause", "" },
	{ "unpause", "nestctl unpause", "" },
	{ "port", "nestctl port", "" },
	{ "inspect", "nestctl inspect",
		"The fields that exist have docker's names; there are "
		"fewer. Templates have no {{template}}. A network's name is the kind of card." },
	{ "top", "nestctl exec",
		"`nestctl exec NAME -- ps`. `nestctl top` is a table of instances." },
	{ "stats", "nestctl stats",
		"The limit is the memory of the machine. Only what runs is shown." },
	{ "images", "nestctl images",
		"A tag is a part of the name: {{.Tag}} of a name without one is latest." },
	{ "rmi", "nestctl rmi", "-f does not remove an image over which an instance runs." },
	{ "image ls", "nestctl image ls", "As images." },
	{ "image rm", "nestctl image rm", "As rmi." },
	{ "image inspect", "nestctl image inspect", "As inspect." },
	{ "image prune", "nestctl image prune", "--filter has the keys of images." },
	{ "image save", "nestctl image save",
		"An image has one layer; names of one file share it." },
	{ "image load", "nestctl image load", "As load." },
	{ "image import", "nestctl image import", "As import, with its messages." },
	{ "load", "nestctl load",
		"An image gets the last part of its name there. An existing image is not replaced, "
		"and if a name is taken nothing is loaded. Images for another architecture "
		"are left out." },
	{ "import", "nestctl import",
		"Nothing is fetched. An existing image is not replaced, and the archive may be an "
		"image's, too." },
	{ "export", "nestctl export", "Sockets are left out. A file ending in .gz is compressed." },
	{ "pull", "nestctl pull", "By skopeo; where that is missing, a line says what to do." },
	{ "push", NULL, "`nestctl image export` and another tool." },
	{ "commit", "nestctl commit",
		"Of detached instances, with what the options of run have set, but for ports and "
		"volumes. An existing image is not replaced. The instance is not paused." },
	{ "tag", "nestctl tag",
		"A tag other than latest is a part of the name. An existing image is not "
		"replaced." },
	{ "build", "nestctl build",
		"[build.md](build.md) says what differs: images have one layer, files of the "
		"network are not fetched, a name is not asked for in a registry." },
	{ "builder prune", "nestctl builder prune",
		"All of the cache goes, as with -a, or --keep-storage says what stays. Its filters "
		"are not known." },
	{ "save", "nestctl save",
		"As image save. If an instance of this name runs, its state is saved "
		"instead." },
	{ "create", "nestctl create", "The options are those of `nestctl run -d`." },
	{ "update", "nestctl mem",
		"Memory only, until the next start. It grows to `--param mem-max=`, if given." },
	{ "info", "nestctl info", "" },
	{ "version", "nestctl version", "There is no server." },
	{ "checkpoint", "nestctl save", "States can be restored, cloned and migrated." },
	{ "network", "nestctl switch",
		"`nestctl switch --dhcp 10.1.0.0/24 PATH` joins those of `run --net switch,PATH`, "
		"by name; -p or `--net slirp` leads out. "
		"See [services.md](recipes/services.md)." },
	{ "volume", "nestctl volume",
		"Volumes are folders of the host for each user of it. prune removes all that are "
		"unused, since each has a name." },
	{ "events", "nestctl events",
		"Of detached instances and volumes; not of images, networks and exec." },
	{ "history", NULL, "An image has one layer." },
	{ "diff", "nestctl diff",
		"Of detached instances. A file of a new folder has its own line." },
	{ "system df", "nestctl system df", "" },
	{ "system prune", "nestctl system prune", "" },
	{ "system info", "nestctl info", "" },
	{ "system events", "nestctl events", "" },
	{ "login", NULL, "No registry is asked; skopeo has it." },
	{ "logout", NULL, "No registry is asked; skopeo has it." },
	{ "search", NULL, "No registry is asked." },
	{ "container", "nestctl container",
		"Its commands are those at the top: ls is ps, and there is prune. top and update "
		"are not known." },
	{ "compose", NULL, "" },
	{ "swarm", NULL, "" },
	{ 0 },
};

const struct docker_row docker_options[] = {
	{ "-d", "-d", "The name is printed." },
	{ "--rm", "--rm", "Is the default without -d." },
	{ "-i", "-i", "Is the default without -d." },
	{ "-t", "-t", "Is the default where all three streams are one terminal." },
	{ "--name", "--name", "" },
	{ "--restart", "--restart",
		"With -d. After a boot of the host only those of --systemd start." },
	{ "-e, --env-file", "--env-file", "" },
	{ "--entrypoint", "--entrypoint", "" },
	{ "-w, -u, --group-add", "--workdir",
		"Without -w an image with settings starts in /, others in the user's home." },
	{ "--userns", "--host-user",
		"Of root's instances: which user the kernel process is on the host." },
	{ "-p 8080:80, -p 80", "-p",
		"On 127.0.0.1 unless an address is given. A free port that is chosen stays the "
		"same at each start. At most 64 ports." },
	{ "-P, --expose", "-P", "" },
	{ "-v HOST:GUEST[:ro]", "-v",
		"Also -v VOLUME:GUEST, which begins empty; a file of that name here comes first. "
		"chown inside works as the host lets its user. HOST must be there. An image's "
		"VOLUME makes none." },
	{ "--tmpfs", "--tmpfs", "" },
	{ "--read-only", "--read-only", "/tmp and /run are writable." },
	{ "--network none, --network bridge", "--net",
		"bridge is the default, slirp. Others are tap and switch, see nestling(1). "
		"Several are cards in their order. host is not there." },
	{ "--network NAME", "--net",
		"`--net switch,PATH`: names, but no way out; with -p or `--net slirp` also that. "
		"`nestctl switch --dhcp` serves PATH." },
	{ "--add-host", "--add-host", "host-gateway needs --host-loopback." },
	{ "--dns", "--dns", "Beside a switch names of neighbours still come from the switch." },
	{ "-h, --hostname", "-h",
		"The default is the image's name without its tag. `-h` alone is help." },
	{ "-m, --memory", "--mem", "Is what the machine has, 1G by default; not a limit." },
	{ "--cpus", "--cpus", "A whole number of virtual CPUs." },
	{ "--pids-limit", "--pids", "" },
	{ "--storage-opt size=", "--disk",
		"A limit only: the room is the image's file system, `image build -s` and `build "
		"-s` make it larger." },
	{ "--ulimit", "--ulimit", "" },
	{ "--label", "--label", "With -d." },
	{ "--health-cmd, --no-healthcheck", "--health-cmd",
		"With -d, as are its intervals. A paused instance fails its checks." },
	{ "--stop-signal, --stop-timeout", "--stop-signal", "With -d." },
	{ "--log-opt", "--log-opt", "max-size and max-file. The default is 5 files of 10M." },
	{ "--init", "--init",
		"Another meaning: the image's own init (systemd) is process 1 of a machine. A "
		"small init that reaps orphans is always there." },
	{ "--cap-drop, --cap-add", "--cap-drop",
		"Without them root has all capabilities. `exec --privileged` has them in any "
		"case." },
	{ "--privileged, --security-opt", NULL,
		"Root inside has all rights over its own machine, and none over the host." },
	{ "--gpus, --device, --runtime, --isolation", NULL, "" },
	{ "--cpu-shares, --cpuset-cpus, --cpu-quota, --cpu-period, --blkio-weight, "
	  "--memory-reservation, --kernel-memory, --oom-kill-disable, --oom-score-adj, "
	  "--cgroup-parent",
		NULL,
		"An instance is processes of the host: systemd-run or taskset give them a share." },
	{ "-a, --attach, --sig-proxy, --detach-keys", NULL,
		"All streams and signals without -d; `nestctl attach` has --sig-proxy and "
		"--detach-keys." },
	{ "--log-driver", NULL, "Output is kept in files of the instance." },
	{ "--volumes-from", "--volumes-from",
		"Of a detached instance. The last one with a path wins, and `-v` over all." },
	{ "--mac-address", "--net", "As a word of the card: --net slirp,02:42:ac:11:00:02." },
	{ "--dns-search, --dns-option, --domainname", NULL,
		"-v of a resolv.conf has what it says." },
	{ "--annotation", "--label", "" },
	{ "--mount", "--mount",
		"Without type=, source= names a volume. bind-propagation and options of drivers "
		"are not known." },
	{ "--memory-swap, --memory-swappiness", NULL,
		"There is no swap unless the guest makes it." },
	{ "--shm-size", "--shm-size", "The default is half of the memory." },
	{ "--sysctl", "--sysctl", "Of the instance's own kernel: each that it has." },
	{ "--cidfile", "--cidfile", "Has the name." },
	{ "--pid, --ipc, --uts, --userns, --cgroupns", NULL,
		"An instance shares nothing with the host or with another instance." },
	{ "--link, --network-alias, --ip", NULL,
		"At a switch an instance has one name, that of --name, and an address by DHCP." },
	{ "--platform", "--platform", "linux/amd64 only." },
	{ "--pull", "--pull", "never and missing: an image is fetched by `nestctl pull` only." },
	{ 0 },
};

const struct docker_row docker_build_options[] = {
	{ "-t", "-t",
		"A name with a slash is a path. Without -t there is no image, unless -q or "
		"--iidfile needs its id." },
	{ "-f, --build-arg, --label, --target, --no-cache, --secret", "-f", "" },
	{ "--iidfile", "--iidfile", "Has the name of -t, else the digest that is the name." },
	{ "-q", "-q", "Prints the name, as a build without it does in the end." },
	{ "--platform", "--platform", "linux/amd64 only." },
	{ "-o", "-o", "An OCI archive." },
	{ "-m, --memory", "-m", "Of the machine of each step." },
	{ "--network", "--network", "Of RUN: none, or as --net of run." },
	{ "--pull, --progress, --rm, --force-rm, --load, --squash", "--pull",
		"They change nothing." },
	{ "--cache-from, --cache-to", NULL, "The cache is this machine's own." },
	{ "--add-host, --shm-size, --ulimit, --cpu-shares, --cpuset-cpus, --cgroup-parent, "
	  "--security-opt, --isolation",
		NULL, "RUN is an instance of which -m and --network alone can be chosen." },
	{ "--ssh", NULL, "There are no mounts of type ssh." },
	{ "--build-context", NULL,
		"COPY --from takes a stage, an image or the path of an archive." },
	{ "--push, --attest, --sbom, --provenance", NULL,
		"No registry is asked: nestctl save writes an archive." },
	{ 0 },
};

const char *docker_verb(const char *verb)
{
	for (const struct docker_row *r = docker_verbs; r->docker; r++) {
		if (strcmp(r->docker, verb) != 0)
			continue;
		if (!r->here)
			return format("docker's %s has no match here%s%s", verb,
				*r->differs ? ": " : "", r->differs);
		return format("docker's %s is here %s%s%s", verb, r->here, *r->differs ? ": " : "",
			r->differs);
	}
	return NULL;
}

bool platform_is_own(const char *text)
{
	static const char *const own[] = { "linux/amd64", "linux/x86_64", "linux/amd64/v1", "linux",
		"amd64", "x86_64" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcasecmp(text, own[i]))
			return true;
	return false;
}

/* True if @list, as "-P, --expose", has the option @word, which may have a value after "=". */
static bool lists(const char *list, const char *word)
{
	size_t n = strcspn(word, "=");

	for (const char *p = list; *p; p += strspn(p, ", ")) {
		size_t len = strcspn(p, ", =");

		if (len == n && !strncmp(p, word, n))
			return true;
		p += strcspn(p, ", ");
	}
	return false;
}

/* Returns the message about an option of a table, or NULL. */
static const char *hint_in(const struct docker_row *r, const char *word)
{
	for (; r->docker; r++) {
		if (!lists(r->docker, word) || (!r->here && !*r->differs))
			continue;
		return r->here ? format("here it is %s%s%s", r->here, *r->differs ? ": " : "",
					 r->differs) :
				 r->differs;
	}
	return NULL;
}

const char *docker_option(const char *word)
{
	return hint_in(docker_options, word);
}

const char *docker_build_option(const char *word)
{
	return hint_in(docker_build_options, word);
}
