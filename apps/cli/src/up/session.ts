/** One `up` or `demo` in a terminal: start, tell where everything is, serve until Ctrl-C, drain. */
import { relative } from 'node:path';
import { describeSettings } from '@reelfleet/config';
import { UserError } from '@reelfleet/core';
import { onStopSignals } from '@reelfleet/worker';
import type { Cli } from '../cli.ts';
import { facts } from '../commands/show.ts';
import { count } from '../ui/format.ts';
import { defaultWorkers, type LocalFleet, startLocalFleet } from './local-fleet.ts';

export interface UpOptions {
  port?: string;
  workers?: number;
  data?: string;
}

export interface Session {
  readonly fleet: LocalFleet;
  /** Fires at the first Ctrl-C (or SIGTERM). */
  readonly signal: AbortSignal;
}

/** Start everything, let `work` use it, and end it all; the exit code is that of `work`, 1 when told to stop while starting. */
export async function inSession(
  cli: Cli,
  options: UpOptions,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const { out } = cli;
  const changes = {
    PORT: { option: '--port', value: options.port },
    REELFLEET_DATA: { option: '--data', value: options.data },
  };
  const settings = cli.settings(changes);
  const stop = new AbortController();
  let fleet: LocalFleet | null = null;
  let killing: Promise<void> | null = null;
  void onStopSignals(() => {
    if (killing) return;
    out.note('stopping now');
    // While starting there is nothing to wait for; Postgres is ended by the exit hook of its package.
    if (fleet === null) process.exit(1);
    killing = fleet.kill().finally(() => process.exit(1));
  }).then(() => stop.abort(new UserError('stopped while starting')));

  fleet = await startLocalFleet({
    settings,
    env: { ...cli.env, ...(options.port === undefined ? {} : { PORT: options.port }) },
    workers: options.workers ?? defaultWorkers(),
    portGiven: portGiven(cli, options),
    stages: cli.stages,
    say: (text) => out.note(`reelfleet: ${text}`),
    signal: stop.signal,
  });
  let exitCode: number;
  try {
    describe(cli, fleet, options.workers ?? defaultWorkers());
    exitCode = await work({ fleet, signal: stop.signal });
  } finally {
    if (killing) await killing;
    else {
      const seconds = Math.round(settings.REELFLEET_GRACE_MS / 1000);
      out.note(
        `reelfleet: draining; running work finishes or is given back within ${seconds} s (Ctrl-C again stops now)`,
      );
      await fleet.stop();
    }
  }
  return exitCode;
}

function describe(cli: Cli, fleet: LocalFleet, workers: number): void {
  const { out } = cli;
  const data = fleet.settings.REELFLEET_DATA;
  const here = relative(process.cwd(), data);
  const shown = here !== '' && !here.startsWith('..') ? here : data;
  facts(out, [
    ['server', fleet.origin],
    ['database', fleet.database],
    ['queue', fleet.settings.REDIS_URL ? 'Redis' : 'on Postgres'],
    ['ffmpeg', fleet.ffmpeg],
    ['workers', `${count(workers, 'process', 'processes')}, logs in ${shown}/logs`],
    ['files', fleet.settings.STORAGE_URL.replace(`file://${process.cwd()}/`, '')],
  ]);
  const elsewhere = shown === '.reelfleet' ? '' : `REELFLEET_DATA=${data} `;
  out.line(out.paint('dim', `in another terminal: ${elsewhere}reelfleet ls; Ctrl-C here drains and stops`));
}

/** How the server's port was given; null when nobody gave one. */
function portGiven(cli: Cli, { port }: UpOptions): string | null {
  if (port !== undefined) return '--port';
  const line = describeSettings(cli.env, { stages: cli.stages }).find(({ name }) => name === 'PORT');
  return line === undefined || line.source === 'default' ? null : 'PORT';
}
