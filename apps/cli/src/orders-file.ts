/** Orders from outside: JSON on the command line, JSON lines from a file or from standard input. */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Order } from '@reelfleet/catalog';
import { messageOf, UserError } from '@reelfleet/core';
import type { PlacedOrder } from './place-orders.ts';

const MOST_ORDERS = 1_000_000;
const LONGEST_ARGUMENT_FILE = 64 * 1024 * 1024;
const kinds = ['album', 'stage', 'ingest', 'moments', 'clips', 'full'] as const satisfies readonly Order['kind'][];
const wrong = (sentence: string, cause?: unknown) => new UserError(sentence, { exitCode: 2, cause });

/**
 * The orders of a JSON lines file (`-`: standard input), each completed by `defaults` where it says nothing. Blank lines
 * are passed over. Only that each line is an order of some kind is checked here. Throws UserError, exit code 2.
 */
export async function ordersFrom(
  path: string,
  defaults: Partial<PlacedOrder> & Record<string, unknown>,
): Promise<PlacedOrder[]> {
  const name = path === '-' ? 'standard input' : path;
  if (path !== '-') assertFile(path);
  const orders: PlacedOrder[] = [];
  let number = 0;
  try {
    const input = path === '-' ? process.stdin : createReadStream(path);
    for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      if (text.trim() === '') continue;
      orders.push(orderOf(text, `line ${number} of ${name}`, defaults));
      if (orders.length > MOST_ORDERS) throw wrong(`${name} has more than ${MOST_ORDERS} orders: split it`);
    }
  } catch (error) {
    throw error instanceof UserError ? error : wrong(`cannot read ${name} (${messageOf(error)})`, error);
  }
  if (orders.length === 0) throw wrong(`${name} has no orders: write one JSON object per line`);
  return orders;
}

function orderOf(text: string, where: string, defaults: Record<string, unknown>): PlacedOrder {
  let line: unknown;
  try {
    line = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw wrong(`${where} is no JSON: write one JSON object per line`, error);
  }
  if (typeof line !== 'object' || line === null || Array.isArray(line)) {
    throw wrong(`${where} is no JSON object: write {"kind": "album", …}, with one of the kinds ${kinds.join(', ')}`);
  }
  const order: Record<string, unknown> = { ...defaults, ...line };
  if (!kinds.some((kind) => kind === order.kind)) {
    throw wrong(
      `${where} has ${order.kind === undefined ? 'no "kind"' : `the kind ${JSON.stringify(order.kind)}`}: it takes ${kinds.join(', ')}`,
    );
  }
  // The catalog checks the rest, with the number of the order.
  return order as unknown as PlacedOrder;
}

/** A JSON object given as an option: itself, or `@FILE`. Throws UserError, exit code 2. */
export function jsonArgument(option: string, text: string): Record<string, unknown> {
  const path = text.startsWith('@') ? text.slice(1) : null;
  if (path !== null) assertFile(path);
  const name = path === null ? option : `${option}: ${path}`;
  let value: unknown;
  try {
    value = JSON.parse(path === null ? text : readFileSync(path, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw wrong(`${name} is no JSON (${messageOf(error)})`, error);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(`${name} is no JSON object: write {"name": value, …}`);
  }
  return value as Record<string, unknown>;
}

function assertFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) throw wrong(`there is no file ${path}`);
  if (found.isDirectory()) throw wrong(`${path} is a folder: name a file in it`);
  if (found.isFile() && found.size > LONGEST_ARGUMENT_FILE * 16) throw wrong(`${path} is too large: split it`);
}
