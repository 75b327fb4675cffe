// What an application writes, and what the types keep it from.
import {
  check, healthy, history, onState, relaunch, report, rollback, status, Update, UpdateError,
} from 'tauri-plugin-exuvia-api';
import type { DownloadEvent, HistoryEntry, Report, State } from 'tauri-plugin-exuvia-api';

export async function update(percent: (share: number) => void): Promise<string | undefined> {
  const update: Update | null = await check({ byUser: true, timeout: 30_000, headers: { 'X-A': 'b' } });
  if (!update) return undefined;
  let received = 0;
  let length: number | undefined;
  try {
    await update.downloadAndInstall((event: DownloadEvent) => {
      switch (event.event) {
        case 'Started': length = event.data.contentLength; break;
        case 'Progress': received += event.data.chunkLength; break;
        case 'Finished': received = length ?? received; break;
        default: event satisfies never;
      }
      if (length) percent(received / length);
    });
  } catch (error) {
    if (error instanceof UpdateError && error.family !== 'canceled') return error.advice;
    throw error;
  }
  await relaunch();
  return update.version;
}

export function words(state: State): string {
  switch (state.state) {
    case 'idle': case 'notInstalled': case 'checking': case 'upToDate': return '';
    case 'held': return state.reason;
    case 'offered': return `${state.version}: ${state.downloadSize} of ${state.fullSize}`;
    case 'downloading': return `${state.received / state.total} ${state.left ?? ''} ${state.paused}`;
    case 'staging': case 'ready': case 'onQuit': case 'installed': return state.version;
    case 'failed': return `${state.family}: ${state.message}; ${state.advice}`;
  }
}

export function since(report: Report): string {
  switch (report.report) {
    case 'notInstalled': case 'unchanged': case 'recovered': return '';
    case 'updated': case 'rolledBack': return `${report.from} → ${report.to}`;
    case 'reverted': return `${report.from} → ${report.to}: ${report.reason}`;
    case 'unusable': return report.reason;
  }
}

export async function rest(update: Update): Promise<HistoryEntry[]> {
  const stop = await onState((state) => console.log(words(state)));
  await stop();
  await update.pause();
  await update.resume();
  await update.cancel();
  await update.skip();
  await update.remindLater();
  await update.installOnQuit();
  await update.close();
  await healthy();
  console.log(since(await report()), (await status())?.previous, (await rollback())?.length);
  return history();
}

export function kept(update: Update): void {
  // @ts-expect-error: nobody makes a version up.
  void check({ version: '9.9.9' });
  // @ts-expect-error: nor a place to get it from.
  void check({ mirrors: ['https://example.org/'] });
  // @ts-expect-error: there is no such route.
  if (update.route === 'magic') return;
  // @ts-expect-error: it may be missing.
  update.body.length;
}
