/* SPDX-License-Identifier: Apache-2.0 */
#include "uacce/uacce_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void uacce_file_note(struct uacce_file *f, int fd)
{
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st)) {
		f->dev = st.st_dev;
		f->ino = st.st_ino;
	}
	atomic_store(&f->fd, fd);
}

bool uacce_file_is_ours(const struct uacce_file *f)
{
	struct stat st;
	int fd = atomic_load(&f->fd);

	return fd >= 0 && !fstat(fd, &st) && st.st_dev == f->dev &&
	       st.st_ino == f->ino;
}

void uacce_dir_take(struct uacce_dir *d)
{
	uacce_file_note(&d->file,
			open(d->path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int uacce_dir_new(struct uacce_dir *d, const char *path)
{
	d->path = strdup(path);
	if (!d->path)
		return -ENOMEM;
	uacce_dir_take(d);
	return 0;
}

void uacce_dir_free(struct uacce_dir *d)
{
	if (uacce_file_is_ours(&d->file))
		close(atomic_load(&d->file.fd));
	free(d->path);
}

int uacce_dir_fd(const struct uacce_dir *d)
{
	return atomic_load(&d->file.fd);
}
