/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uacce_dir.h - descriptors that outlive surprises: what a number stands for
 * is checked before use, because programs that turn into daemons like to close
 * every descriptor.
 */
#ifndef UACCE_DIR_H
#define UACCE_DIR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* Identity of an open file: a number alone may be somebody else's by now. */
struct uacce_file {
	_Atomic int fd;
	dev_t dev;
	ino_t ino;
};

void uacce_file_note(struct uacce_file *f, int fd);
bool uacce_file_is_ours(const struct uacce_file *f);

/* A directory, held so that it can be reached from inside a chroot. */
struct uacce_dir {
	struct uacce_file file;
	char *path;
};

int uacce_dir_new(struct uacce_dir *d, const char *path);
void uacce_dir_take(struct uacce_dir *d); /* again, by its path */
void uacce_dir_free(struct uacce_dir *d);
int uacce_dir_fd(const struct uacce_dir *d);

#endif
