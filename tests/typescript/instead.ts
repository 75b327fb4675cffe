// Whatever was written for `@tauri-apps/plugin-updater` type-checks with the import exchanged: what it takes
// is taken, and what it gives is given.
import * as ours from 'tauri-plugin-exuvia-api';
import * as theirs from '@tauri-apps/plugin-updater';

/** What an application may touch of an update: all that is public there. */
type Public<T> = { [K in keyof T]: T[K] };

export const check: (options?: theirs.CheckOptions) => Promise<Public<theirs.Update> | null> = ours.check;

export function event(event: ours.DownloadEvent): theirs.DownloadEvent {
  return event;
}

export function options(
  check: theirs.CheckOptions,
  download: theirs.DownloadOptions,
): [ours.CheckOptions, ours.DownloadOptions] {
  return [check, download];
}
