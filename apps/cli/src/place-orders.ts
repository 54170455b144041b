/**
 * Handing orders to the fleet: those that name a file of this machine are uploaded first, one by one, the others go in one
 * bulk before them. Nothing is handed over while any of them is wrong in a way that can be seen from here.
 */
import type { ClipsOrdered, Enqueued, FullOrder, Ingested, IngestOrder, Order } from '@reelfleet/catalog';
import { UserError } from '@reelfleet/core';
import type { Cli } from './cli.ts';
import { interruptible } from './interruptible.ts';
import { checksumOf, examine, type LocalFile } from './local-file.ts';
import type { Fleet } from './open-fleet.ts';
import { openBars } from './ui/bars.ts';
import { bytes, count } from './ui/format.ts';
import type { Output } from './ui/output.ts';
import type { Group } from './ui/stages.ts';

/** An order of a file that lies here. */
export type FileOrder = { file: string } & (
  | ({ kind: 'ingest' } & Omit<IngestOrder, 'url' | 'upload'>)
  | ({ kind: 'full' } & Omit<FullOrder, 'url' | 'upload' | 'video'>)
);
export type PlacedOrder = Order | FileOrder;

const hasFile = (order: PlacedOrder): order is FileOrder => 'file' in order;

export async function place(
  cli: Cli,
  orders: readonly PlacedOrder[],
  how: { json?: boolean | undefined; bulk?: boolean },
): Promise<void> {
  const { out } = cli;
  const began = performance.now();
  const maxBytes = cli.settings().REELFLEET_IMPORT_MAX_MB * 1_000_000;
  const files = new Map<PlacedOrder, LocalFile>();
  for (const [index, order] of orders.entries())
    if (hasFile(order))
      files.set(order, await fileOf(order, maxBytes, orders.length > 1 ? `order ${index + 1}: ` : ''));

  const placed = await cli.withFleet(async (fleet) => {
    const plain = orders.filter((order): order is Order => !hasFile(order));
    const answers = new Map<PlacedOrder, Enqueued | Ingested>();
    const answered = plain.length > 0 ? await fleet.operator.enqueue(plain) : [];
    for (const [at, order] of plain.entries()) answers.set(order, answered[at] as Enqueued | Ingested);
    for (const [order, file] of files) {
      const answer = await upload(fleet, out, order as FileOrder, file, how.json === true).catch((error) => {
        throw answers.size === 0 ? error : interrupted(error, file, answers.size, orders.length);
      });
      answers.set(order, answer);
    }
    return orders.map((order) => answers.get(order) as Enqueued | Ingested);
  });
  if (how.json) return out.json(how.bulk ? placed : placed[0]);
  if (!how.bulk) {
    for (const [at, answer] of placed.entries()) for (const line of told(orders[at]?.kind, answer)) out.line(line);
    return;
  }
  const fresh = placed.filter((one) => one.created).length;
  const old = placed.length - fresh;
  out.line(
    `${count(fresh, 'run')} enqueued${old > 0 ? `, ${old} were there already` : ''} in ${((performance.now() - began) / 1000).toFixed(1)} s`,
  );
}

async function fileOf(order: FileOrder, maxBytes: number, where: string): Promise<LocalFile> {
  for (const [field, what] of [
    ['url', 'an address'],
    ['video', 'a video'],
  ] as const)
    if ((order as FullOrder)[field] !== undefined)
      throw new UserError(`${where}the order names a file and ${what}: give one of them`, { exitCode: 2 });
  try {
    return await examine(order.file, maxBytes);
  } catch (error) {
    throw error instanceof UserError && where !== ''
      ? new UserError(where + error.message, { exitCode: error.exitCode, cause: error })
      : error;
  }
}

/** A bulk that stopped half-way says how far it came: what is accepted stays so. */
function interrupted(error: unknown, { name }: LocalFile, done: number, of: number): unknown {
  if (!(error instanceof UserError)) return error;
  const said = error.message.startsWith(name) ? error.message : `${name}: ${error.message}`;
  return new UserError(`${said}; ${done} of ${of} orders were enqueued before`, {
    exitCode: error.exitCode,
    kind: error.kind,
    cause: error,
  });
}

/** Checksum first: what is a video already is found by it, and then nothing is sent. */
async function upload(fleet: Fleet, out: Output, given: FileOrder, file: LocalFile, json: boolean): Promise<Ingested> {
  const { file: _file, fileName, ...order } = given;
  return interruptible(`${file.name} was not uploaded, and nothing was enqueued for it`, async (signal) => {
    const shown = out.isTTY && !json ? transferBars(out, file) : null;
    try {
      const sha256 = await checksumOf(file, { signal, onBytes: (total) => shown?.moved('checksum', total) });
      return await fleet.operator.upload(
        {
          open: () => ({ path: file.path }),
          fileName: fileName ?? file.name,
          contentType: file.contentType,
          sha256,
        },
        order,
        { signal, onBytes: (total) => shown?.moved('upload', total) },
      );
    } finally {
      shown?.stop();
    }
  });
}

/** Two bars, one after the other. */
function transferBars(out: Output, { sizeBytes }: LocalFile) {
  const bars = openBars(out, { mediaSecondsOf: () => null });
  const groups = { checksum: waiting('checksum'), upload: waiting('upload') };
  const show = () => bars.show([groups.checksum, groups.upload], Date.now());
  show();
  return {
    moved(key: keyof typeof groups, total: number): void {
      const now = Date.now();
      const done = total >= sizeBytes;
      groups[key] = {
        ...groups[key],
        status: done ? 'completed' : 'running',
        running: done ? 0 : 1,
        completed: done ? 1 : 0,
        ended: done ? 1 : 0,
        fraction: total / sizeBytes,
        startedAt: groups[key].startedAt ?? now,
        endedAt: done ? now : null,
        step: `${bytes(total)} of ${bytes(sizeBytes)}`,
      };
      show();
    },
    stop: () => bars.stop(),
  };
}

const waiting = (key: string): Group => ({
  key,
  total: 1,
  completed: 0,
  ended: 0,
  running: 0,
  failed: 0,
  fraction: 0,
  startedAt: null,
  endedAt: null,
  step: null,
  status: 'blocked',
});

function told(kind: Order['kind'] | undefined, answer: Enqueued | Ingested | ClipsOrdered): string[] {
  const { runId, created } = answer;
  const video = 'video' in answer ? answer.video : null;
  const clips = 'clips' in answer ? answer.clips.map(({ moment, uri }) => `moment ${moment} has its clip: ${uri}`) : [];
  if (created)
    return [
      ...clips,
      `run ${runId} enqueued${video === null ? '' : ` for video ${video}`}: "reelfleet watch ${runId}" follows it`,
    ];
  if (runId === null && 'clips' in answer)
    return [...clips, `nothing is left to cut of video ${video}: --replace cuts anew what is there`];
  if (video === null || kind !== 'ingest') return [`run ${runId} was there already: this key ordered it before`];
  return [`video ${video} was there already${runId === null ? '' : `: run ${runId} brought it in`}`];
}
