/** For tests of the streams: a reader of text/event-stream over fetch, and runs that are moved by hand. Not imported by the product. */
import { randomUUID } from 'node:crypto';
import type { SettleItem, Ticket } from '@reelfleet/core';
import { openOperatorLedger } from '@reelfleet/db';
import { bareRun } from '@reelfleet/db/testing';
import { atTestEnd } from '@reelfleet/testkit';
import type { TestServer } from '../testing.ts';
import type { EventData } from './shapes.ts';

export type Received = {
  [Name in keyof EventData]: { event: Name; data: EventData[Name]; id: string | null };
}[keyof EventData];

export interface Reader {
  readonly events: Received[];
  /** The cursor as a browser keeps it. */
  lastEventId: string | null;
  comments: number;
  readonly ended: boolean;
  close(): void;
}

/** Read a stream until it is closed. Throws when the answer is no stream. */
export async function readEvents(url: string, lastEventId?: string | null): Promise<Reader> {
  const aborter = new AbortController();
  const answer = await fetch(url, {
    signal: aborter.signal,
    headers: lastEventId == null ? {} : { 'last-event-id': lastEventId },
  });
  if (answer.status !== 200 || answer.body === null) throw new Error(`${answer.status}: ${await answer.text()}`);
  let ended = false;
  const reader: Reader = {
    events: [],
    lastEventId: lastEventId ?? null,
    comments: 0,
    get ended() {
      return ended;
    },
    close: () => aborter.abort(),
  };
  atTestEnd(() => aborter.abort());
  const { body } = answer;
  void (async () => {
    let rest = '';
    try {
      for await (const piece of body.pipeThrough(new TextDecoderStream())) {
        const blocks = (rest + piece).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) take(reader, block);
      }
    } catch {
      // Closed by us, or cut: what was read stands.
    }
    ended = true;
  })();
  return reader;
}

function take(reader: Reader, block: string): void {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const at = line.indexOf(':');
    if (at === 0) reader.comments += 1;
    else fields.set(line.slice(0, at), line.slice(at + 1).trimStart());
  }
  const id = fields.get('id') ?? null;
  if (id !== null) reader.lastEventId = id;
  const data = fields.get('data');
  if (data !== undefined)
    reader.events.push({ event: fields.get('event'), data: JSON.parse(data), id } as unknown as Received);
}

/** The data of the events of one name. */
export const dataOf = <Name extends Received['event']>(reader: Pick<Reader, 'events'>, name: Name): EventData[Name][] =>
  reader.events.flatMap((received) => (received.event === name ? [received.data as EventData[Name]] : []));

/** A worker by hand: its tasks stand still unless they are moved. */
export async function openHand(server: Pick<TestServer, 'db' | 'ledger'>) {
  const worker = randomUUID();
  await server.ledger.hello({ id: worker, name: 'hand', type: 'local', capabilities: {}, metadata: {} });
  const operatorLedger = openOperatorLedger(server.db);

  /** Runs of independent tasks; one statement for all of them. */
  async function enqueue(runs: number, tasksEach: number): Promise<{ runId: string; tickets: Ticket[] }[]> {
    const items = Array.from({ length: runs }, () => {
      const id = newId();
      const run = bareRun(id, { identifier: `run:${id}`, phase: 'probe' });
      const tasks = Array.from({ length: tasksEach }, (_, n) => ({
        id: newId(),
        key: `probe/${n}`,
        stage: 'probe',
        title: `probe ${n}`,
        phase: 'probe',
        position: n,
        payload: {},
        optional: false,
        maxAttempts: 3,
        maxCrashes: 3,
      }));
      return { run, tasks, edges: [], before: [], after: [] };
    });
    const { tickets } = await operatorLedger.enqueue(items, 'test');
    return items.map(({ run, tasks }) => ({
      runId: run.id,
      tickets: tickets.filter((ticket) => tasks.some((task) => task.id === ticket.id)),
    }));
  }

  const claim = async (tickets: readonly Pick<Ticket, 'id' | 'version'>[]) =>
    (
      await server.ledger.claim(
        worker,
        60_000,
        tickets.map(({ id, version }) => ({ id, version, refusal: null })),
      )
    ).flatMap((answer) => (answer.kind === 'claimed' ? [answer.task] : []));

  const settle = (
    held: readonly { id: string; version: number }[],
    item: Omit<SettleItem, 'id' | 'version'> = { event: 'complete', output: {} },
  ) =>
    server.ledger.settle(
      worker,
      held.map(({ id, version }) => ({ ...item, id, version }) as SettleItem),
    );

  /** Claim and complete all of them. */
  const work = async (tickets: readonly Ticket[]) => void (await settle(await claim(tickets)));

  return { worker, enqueue, claim, settle, work };
}

let last = 0;
/** Ids of runs are in order of time, as the product's are. */
function newId(): string {
  last = Math.max(Date.now(), last + 1);
  const time = last.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}
