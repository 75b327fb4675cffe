import type { Resource } from '@tauri-apps/api/core';

/** Options of {@link check}. `target` is taken for compatibility and has no effect: what is installed
 * decides which platform and kind of release is looked for. */
export interface CheckOptions {
  headers?: HeadersInit;
  /** Milliseconds until a check or a download is given up. */
  timeout?: number;
  /** Reach mirrors through this proxy. */
  proxy?: string;
  target?: string;
  /** The user asked for it: gradual rollouts and skipped versions do not hold a release back. */
  byUser?: boolean;
  /** For the release notes; the system's otherwise. */
  language?: string;
}

/** Taken for compatibility; headers, timeout and proxy are those of the check. */
export interface DownloadOptions {
  headers?: HeadersInit;
  timeout?: number;
}

/** Taken for compatibility: call {@link relaunch} to start the new version. */
export interface InstallOptions {
  restartAfterInstall?: boolean;
}

export type DownloadEvent =
  | { event: 'Started'; data: { contentLength?: number } }
  | { event: 'Progress'; data: { chunkLength: number } }
  | { event: 'Finished' };

/** Bytes that travel: the whole release, one delta, or several deltas in a row. */
export type Route = 'full' | 'delta' | 'chain';

/** A release to install. Each method rejects with an {@link UpdateError}; what is installed is then
 * untouched, and the same update may be tried again. */
export class Update extends Resource {
  /** @deprecated always true */
  available: boolean;
  currentVersion: string;
  version: string;
  /** When it was published, RFC 3339. */
  date?: string;
  /** What is new, in Markdown, in the language of the page. */
  body?: string;
  /** Everything that the publisher signed about it. */
  rawJson: Record<string, unknown>;
  /** Bytes to download, those that are here already included. */
  downloadSize: number;
  /** Bytes of the whole release. */
  fullSize: number;
  route: Route;
  /** The publisher asks to install it without delay. */
  critical: boolean;

  /** Downloads, verifies, rebuilds beside the running version, and tries whether it starts. */
  download(onEvent?: (event: DownloadEvent) => void, options?: DownloadOptions): Promise<void>;
  /** Switches to what was downloaded. It runs from the next start on: {@link relaunch}. */
  install(options?: InstallOptions): Promise<void>;
  downloadAndInstall(
    onEvent?: (event: DownloadEvent) => void,
    options?: DownloadOptions & InstallOptions,
  ): Promise<void>;
  /** Downloads if need be, and switches once the application has quit. */
  installOnQuit(): Promise<void>;
  /** Closes it; what was downloaded stays, and the next check offers it again. */
  remindLater(): Promise<void>;
  /** Not this version. A check by the user, or a critical release, offers it all the same. */
  skip(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the download. What was received is kept. */
  cancel(): Promise<void>;
  close(): Promise<void>;
}

/** What every promise rejects with. */
export class UpdateError extends Error {
  /** Who must act: the publisher (or an attacker is at work), nobody (wait), this machine, or the
   * program that called. */
  family: 'repository' | 'network' | 'local' | 'usage' | 'canceled';
  /** What to do, in one line. */
  advice: string;
}

export type State =
  | { state: 'idle' }
  /** Runs from a build tree or a package of the system: nothing is ever offered. */
  | { state: 'notInstalled' }
  | { state: 'checking' }
  | { state: 'upToDate' }
  | { state: 'held'; reason: string }
  | { state: 'offered'; version: string; downloadSize: number; fullSize: number; critical: boolean }
  | {
      state: 'downloading';
      version: string;
      received: number;
      total: number;
      /** Bytes in a second, of late. */
      rate: number;
      /** Seconds. */
      left?: number;
      paused: boolean;
    }
  | { state: 'staging'; version: string }
  /** Verified and beside the running version. */
  | { state: 'ready'; version: string }
  /** It is switched to once the application has quit. */
  | { state: 'onQuit'; version: string }
  /** It runs from the next start on. */
  | { state: 'installed'; version: string }
  | {
      state: 'failed';
      version?: string;
      family: UpdateError['family'];
      message: string;
      advice: string;
    };

/** What happened since the last start. */
export type Report =
  | { report: 'notInstalled' }
  | { report: 'unchanged' }
  | { report: 'updated'; from: string; to: string }
  | { report: 'reverted'; from: string; to: string; reason: string }
  | { report: 'rolledBack'; from: string; to: string }
  | { report: 'recovered' }
  | { report: 'unusable'; reason: string };

export interface Status {
  app: string;
  version: string;
  channel: string;
  /** The version that {@link rollback} goes to. */
  previous?: string;
  phase: string;
  /** Days without anything new from the repository, if that is so long that it should be told. */
  staleDays?: number;
}

export interface HistoryEntry {
  time: string;
  event: string;
  from?: string;
  to?: string;
  reason?: string;
}

/** Asks whether there is a newer release. `null`: none for this installation, now. */
export function check(options?: CheckOptions): Promise<Update | null>;
/** Calls the handler with the present state and with each that follows. Resolves to what ends that. */
export function onState(handler: (state: State) => void): Promise<() => Promise<void>>;
/** What is installed; `null` in development. */
export function status(): Promise<Status | null>;
/** What happened to the installation, oldest first. */
export function history(): Promise<HistoryEntry[]>;
export function report(): Promise<Report>;
/** This version works: ends its trial. */
export function healthy(): Promise<void>;
/** Quits and starts the installed version, by the path that outlives versions, with the same
 * arguments. */
export function relaunch(): Promise<void>;
/** Asks the user in a native dialog whether to go back to the version before, and does so. Resolves to
 * that version, or `null` when the user declines. Not among the default permissions. */
export function rollback(): Promise<string | null>;
