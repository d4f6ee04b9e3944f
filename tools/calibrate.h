/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibrate.h - from how many bytes on is the device faster than a core?
 */
#ifndef CALIBRATE_H
#define CALIBRATE_H

/* @device: as the key of the configuration, NULL: as it stands; @path: file for
 * the fragment, NULL: standard output; @ms: for one figure.
 * Return: exit status. */
int calibrate(const char *device, const char *path, unsigned int ms);

#endif
