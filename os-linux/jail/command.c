/* SPDX-License-Identifier: MIT */
/*
 * command.c: grants the files that a command of the management console names, since the owner of
 * the console has named them (files.c), and records the words that a command gives to the next
 * kernel process.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os-linux/internal.h"
#include "os-linux/jail/broker.h"
#include "os-linux/jail/jail.h"

/* bytes before the text in packets of `nestctl` and uml_mconsole: magic, version, length */
#define COMMAND_AT 12

static bool begins(const char *text, const char *word)
{
	size_t n = strlen(word);

	return !strncmp(text, word, n) && text[n] == ' ';
}

#define PIECES_MAX 8

/*
 * Returns the grants (OS_GRANT_*) for a file name in @words. With @is_first the name stands
 * directly behind the '=', else behind a later separator. A disk with the flag r is read only, and
 * so is the backing file of each disk.
 */
static unsigned how_of(const char *words, bool is_first)
{
	size_t n = strcspn(words, "=");
	bool is_disk = !strncmp(words, "ubd", 3);

	if (is_disk && (!is_first || memchr(words + 3, 'r', n > 3 ? n - 3 : 0)))
		return OS_GRANT_READ;
	return OS_GRANT_READ | OS_GRANT_WRITE;
}

/*
 * Grants each possible file name in words such as "ubd1r=LAYER,BASE" or "con1=tty:/dev/ttyS0". A
 * name may begin behind any '=', ',' or ':' and end before any later separator or at the end, since
 * names may contain separators. A separator behind a backslash always belongs to the name.
 */
static void grant_words(const char *words)
{
	const char *all = words;
	char plain[ASK_TEXT];
	size_t at[PIECES_MAX + 1], n = 0; /* where pieces begin */
	int pieces = 0;

	files_grant(words, OS_GRANT_READ | OS_GRANT_WRITE);
	words += strcspn(words, "=");
	if (!*words)
		return;
	at[pieces++] = 0;
	while (*++words && n < sizeof(plain) - 1) {
		bool parts = strchr(",:", *words);

		if (*words == '\\' && words[1])
			words++;
		plain[n++] = *words;
		if (parts && pieces < PIECES_MAX)
			at[pieces++] = n;
	}
	plain[n] = 0;
	at[pieces] = n + 1;
	for (int from = 0; from < pieces; from++)
		for (int to = from + 1; to <= pieces; to++) {
			char word[ASK_TEXT];

			snprintf(word, sizeof(word), "%.*s", (int)(at[to] - at[from] - 1),
				plain + at[from]);
			if (*word)
				files_grant(word, how_of(all, !from));
		}
}

/* True if the folder's file "pid" names the kernel process. */
static bool is_its_folder(const char *path)
{
	char file[ASK_TEXT + 8];
	FILE *f;
	int pid = 0;

	snprintf(file, sizeof(file), "%s/pid", path);
	f = fopen(file, "re");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid == broker.kernel;
}

/*
 * Takes the instance's new name and grants the folder with the console's socket, which the kernel
 * process removes. The socket was bound as FOLDERS/.new/mconsole. Returns false if FOLDERS/NAME is
 * not this instance's.
 */
static bool take_name(const char *name)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(a) - 1;
	char path[ASK_TEXT];

	if (strchr(name, '/') || strlen(name) > 100 ||
		getsockname(broker.console, (struct sockaddr *)&a, &len))
		return false;
	for (int i = 0; i < 2; i++) {
		char *end = strrchr(a.sun_path, '/');

		if (!end)
			return false;
		*end = 0;
	}
	snprintf(path, sizeof(path), "%s/%s", a.sun_path, name);
	if (!is_its_folder(path))
		return false;
	files_grant(path, OS_GRANT_READ | OS_GRANT_REMOVE);
	return true;
}

/*
 * Handles "state place WORD": gives the word to the next process. A new name counts only if its
 * folder is this instance's. Returns true for such a name.
 */
static bool place(const char *word)
{
	bool is_name = !strncmp(word, "umid=", 5);

	if (is_name && !take_name(word + 5))
		return false;
	again_place(word);
	return is_name;
}

/*
 * Handles "state go NAME": the instance, which has waited, has the name from now on. Returns true
 * if the name is that of its folder.
 */
static bool go(const char *name)
{
	char word[sizeof("umid=") + 100];

	return snprintf(word, sizeof(word), "umid=%s", name) < (int)sizeof(word) && place(word);
}

bool files_of_command(const char *packet, size_t len)
{
	char text[ASK_TEXT];
	const char *words;

	if (len <= COMMAND_AT || len - COMMAND_AT >= sizeof(text))
		return false;
	memcpy(text, packet + COMMAND_AT, len - COMMAND_AT);
	text[len - COMMAND_AT] = 0;
	if (!begins(text, "config") && !begins(text, "state"))
		return false;
	words = text + strcspn(text, " ");
	words += strspn(words, " ");
	if (begins(text, "state") && begins(words, "place"))
		return place(words + strlen("place "));
	if (begins(text, "state") && begins(words, "go"))
		return go(words + strlen("go "));
	if (begins(text, "state"))
		words += strcspn(words, " ") + strspn(words + strcspn(words, " "), " ");
	if (begins(text, "config"))
		openers_word(words);
	grant_words(words);
	return false;
}
