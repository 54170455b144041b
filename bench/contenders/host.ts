/**
 * A contender's process: takes orders from the program that forked it, one after the other, and answers each with what it
 * gave. It keeps what handlers tell (how many are done, when each started), so that nothing crosses to the other process
 * while it is being measured.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Consumer, type Contender, now, type Place, type Producer } from './contender.ts';

export type Order =
  | { do: 'prepare' }
  | { do: 'enqueue'; count: number }
  /** Consume until so many are finished; answers with `{ seconds }` from the start of the consumer. */
  | { do: 'drain'; count: number }
  /** Consume until told to close. */
  | { do: 'watch' }
  /** One job after the other, this long apart; answers with when each was asked for and was known to be written. */
  | { do: 'pace'; gapsMs: readonly number[] }
  /** Answers with when the handler of each key started, once so many have. */
  | { do: 'starts'; count: number }
  | { do: 'close' };

export interface Drained {
  seconds: number;
}
/** By key: when asked for, when known to be written. */
export type Paced = [key: number, askedAt: number, writtenAt: number][];
/** By key: when its handler started. */
export type Starts = [key: number, startedAt: number][];

const [module, placeText] = process.argv.slice(2) as [string, string];
const place = JSON.parse(placeText) as Place;
const { contender } = (await import(new URL(module, import.meta.url).href)) as { contender: Contender };

let producer: Producer | null = null;
let consumer: Consumer | null = null;
const starts: Starts = [];
let finished = 0;
let enough: { count: number; reached(): void } | null = null;
const hooks = {
  started: (key: number) => void (keeping && starts.push([key, now()])),
  finished(count: number) {
    finished += count;
    if (enough && finished >= enough.count) enough.reached();
  },
};
let keeping = false;

async function carryOut(order: Order): Promise<unknown> {
  switch (order.do) {
    case 'prepare':
      return await contender.prepare(place);
    case 'enqueue': {
      producer ??= await contender.produce(place);
      const from = now();
      await producer.enqueue(order.count);
      return { seconds: (now() - from) / 1000 } satisfies Drained;
    }
    case 'drain': {
      const from = now();
      const done = new Promise<void>((resolve) => {
        enough = { count: order.count, reached: resolve };
      });
      consumer = await contender.consume(place, hooks);
      await done;
      await consumer.settled?.();
      return { seconds: (now() - from) / 1000 } satisfies Drained;
    }
    case 'watch':
      keeping = true;
      consumer = await contender.consume(place, hooks);
      return;
    case 'pace': {
      producer ??= await contender.produce(place);
      const paced: Paced = [];
      for (const [key, gap] of order.gapsMs.entries()) {
        await sleep(gap);
        const askedAt = now();
        paced.push([key, askedAt, await producer.one(key)]);
      }
      return paced;
    }
    case 'starts':
      while (starts.length < order.count) await sleep(20);
      return starts;
    case 'close':
      await consumer?.close();
      await producer?.close();
      return;
    default:
      order satisfies never;
  }
}

process.on('message', (order: Order) => {
  carryOut(order).then(
    (answer) => process.send?.({ answer: answer ?? null }),
    (error) => process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.({ answer: 'ready' });
