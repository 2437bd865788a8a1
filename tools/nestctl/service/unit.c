/* SPDX-License-Identifier: MIT */
/*
 * unit.c: `nestctl generate systemd` and `run --systemd`: a unit in which the supervisor is the
 * main process (`nestctl start --foreground`). The supervisor carries out the restart policy
 * itself. systemd starts the supervisor at boot, and again if it was killed. The supervisor takes
 * SIGTERM, from systemctl stop or when the host shuts down, as a stop with the instance's signal
 * and time.
 *
 * Units of root belong to the system's manager, those of other users to their user manager.
 */
#include "tools/nestctl/service/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/nestctl/core/command.h"
#include "tools/nestctl/core/nestctl.h"
#include "tools/nestctl/service/service.h"

/* seconds beyond the command's time that systemd gives a supervisor to end */
#define PATIENCE_S 45

static bool is_system(void)
{
	return !geteuid();
}

static const char *unit_name(const char *name)
{
	return format("nestctl-%s.service", name);
}

static const char *units_dir(void)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (is_system())
		return "/etc/systemd/system";
	if (config && *config == '/')
		return format("%s/systemd/user", config);
	if (!home || *home != '/')
		die("neither XDG_CONFIG_HOME nor HOME is set; units have no folder");
	return format("%s/.config/systemd/user", home);
}

static const char *unit_file(const char *name)
{
	return format("%s/%s", units_dir(), unit_name(name));
}

/* Returns a word quoted by the rules of systemd.service(5) and systemd.syntax(7). */
static const char *quoted(const char *text)
{
	char *out = xalloc(2 * strlen(text) + 3), *to = out;

	*to++ = '"';
	for (; *text; text++) {
		if (*text == '\n' || *text == '\r')
			die("a unit cannot name %s: it has a line break", text);
		if (strchr("\"\\", *text))
			*to++ = '\\';
		if (strchr("%$", *text))
			*to++ = *text;
		*to++ = *text;
	}
	*to++ = '"';
	*to = '\0';
	return out;
}

/* Writes a variable of nestctl's environment that the instance's next start needs. */
static void print_variable(FILE *f, const char *name)
{
	const char *value = getenv(name);
	char *text;

	if (!value || !*value)
		return;
	text = format("%s", quoted(format("%s=%s", name, value)));
	/* undo the doubling of "$", which has no meaning in Environment= */
	for (char *p = text; (p = strstr(p, "$$"));)
		memmove(p + 1, p + 2, strlen(p + 1)), p++;
	fprintf(f, "Environment=%s\n", text);
}

static void print_unit(FILE *f, const struct service *s)
{
	const char *self = realpath("/proc/self/exe", NULL) ?: "nestctl";

	fprintf(f,
		"# The instance %s of nestctl; made by nestctl generate systemd.\n"
		"[Unit]\n"
		"Description=nestctl instance %s\n"
		"Documentation=man:nestctl(1)\n"
		"\n"
		"[Service]\n"
		"Type=exec\n"
		"ExecStart=%s start --foreground %s\n",
		s->name, s->name, quoted(self), s->name);
	print_variable(f, "XDG_DATA_HOME");
	print_variable(f, "NESTLING_KERNEL");
	fprintf(f,
		"KillMode=mixed\n"
		"TimeoutStopSec=%d\n"
		"Restart=on-failure\n"
		"\n"
		"[Install]\n"
		"WantedBy=%s\n",
		s->spec.stop_timeout + PATIENCE_S,
		is_system() ? "multi-user.target" : "default.target");
}

/* ---- calls of systemctl ---- */

/* Runs systemctl with up to three words. Returns false if it fails. */
static bool systemctl(const char *verb, const char *option, const char *unit)
{
	const char *argv[6] = { "systemctl" };
	const int fds[3] = { -1, -1, -1 };
	int n = 1;

	if (!is_system())
		argv[n++] = "--user";
	argv[n++] = verb;
	if (option)
		argv[n++] = option;
	if (unit)
		argv[n++] = unit;
	return !wait_for(spawn(argv, fds));
}

void unit_install(const struct service *s)
{
	const char *file = unit_file(s->name);
	FILE *f;

	if (!find_program("systemctl"))
		die("run: --systemd: there is no systemctl");
	if (!is_system())
		make_dirs(units_dir());
	f = fopen(file, "we");
	if (!f)
		die("%s: %s", file, strerror(errno));
	print_unit(f, s);
	if (fclose(f))
		die("%s: %s", file, strerror(errno));
	if (systemctl("daemon-reload", NULL, NULL) &&
		systemctl("enable", "--now", unit_name(s->name)))
		return;
	unit_remove(s->name);
	die("run: --systemd: systemd does not start %s", unit_name(s->name));
}

bool unit_exists(const char *name)
{
	return !access(unit_file(name), F_OK);
}

static void remove_unit(void *arg)
{
	const char *name = arg;

	if (!unit_exists(name))
		return;
	systemctl("disable", NULL, unit_name(name));
	unlink(unit_file(name));
	systemctl("daemon-reload", NULL, NULL);
}

void unit_remove(const char *name)
{
	const char *why = attempt(remove_unit, (void *)name);

	if (why)
		warn("%s", why);
}

/* ---- generate ---- */

static const struct command cmd_generate_systemd;

static int generate(int argc, char **argv)
{
	struct service s;

	while (next_option(&cmd_generate_systemd, argc, argv))
		;
	s = service_open(take_words(&cmd_generate_systemd, argc, argv, 1, 1)[0]);
	print_unit(stdout, &s);
	return 0;
}

static const struct command cmd_generate_systemd = {
	.name = "generate systemd",
	.args = "NAME",
	.help = "Prints a unit of systemd that starts a detached instance at each boot.",
	.text = "A user's units start at the first login, or at boot after `loginctl "
		"enable-linger`. run --systemd does all of it.\n\n\tnestctl generate systemd web "
		">~/.config/systemd/user/web.service\n\tsystemctl --user enable --now web",
	.run = generate,
};

static const struct command *const generate_commands[] = { &cmd_generate_systemd, NULL };

const struct command cmd_generate = {
	.name = "generate",
	.args = "COMMAND",
	.help = "Prints files for other programs.",
	.sub = generate_commands,
};
