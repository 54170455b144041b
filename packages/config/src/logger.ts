/**
 * The logger of every process: pino, one line of JSON per event on stderr (stdout belongs to `--json`), ISO times,
 * secrets hidden. On a terminal the same line is written for people.
 */
import { styleText } from 'node:util';
import type { Logger } from '@reelfleet/core';
import { destination as openDestination, pino, stdSerializers, stdTimeFunctions } from 'pino';
import { redactJsonLine } from './redact.ts';

export interface LoggerOptions {
  /** The least level that is logged: trace, debug, info, warn, error, fatal, silent. */
  level: string;
  /** Which process this is: worker, server, cli. */
  name: string;
  /** Receives whole lines; stderr by default. */
  destination?: { write(line: string): void };
}

/**
 * A logger for this process. Writing is synchronous: the last line before a crash is the one that is needed.
 * Whatever is logged passes one door that hides passwords in URLs and values under secret-looking names, also deep
 * inside errors and the fields of child loggers.
 */
export function createLogger({ level, name, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      name,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.err, error: stdSerializers.err },
      hooks: { streamWrite: redactJsonLine },
    },
    destination ??
      (process.stderr.isTTY
        ? { write: (line) => process.stderr.write(forPeople(line)) }
        : openDestination({ fd: 2, sync: true })),
  );
}

const COLOURS = { warn: 'yellow', error: 'red', fatal: 'red', debug: 'dim', trace: 'dim' } as const;

/** One log line for a terminal: local time, level, event, fields as `name=value`; an error's stack on its own lines. */
export function forPeople(line: string): string {
  const { time, level, msg, name, pid: _pid, hostname: _hostname, err, error, ...fields } = JSON.parse(line);
  const colour = Object.entries(COLOURS).find(([of]) => of === level)?.[1];
  const tag = String(level).padEnd(5);
  const failed = err ?? error;
  const parts = [
    `${name}:`,
    msg ?? failed?.message ?? '',
    ...Object.entries(fields).map(
      ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ),
  ];
  const text = plain(parts.join(' ')).replace(/\n/g, ' ');
  const head = `${new Date(time).toTimeString().slice(0, 8)} ${colour ? styleText(colour, tag) : tag} ${text}\n`;
  if (!failed) return head;
  return `${head}${plain(failed.stack ?? failed.message ?? JSON.stringify(failed)).replace(/^/gm, '    ')}\n`;
}

/** Without control characters other than line ends: what was logged must not steer the terminal. */
function plain(text: unknown): string {
  return String(text).replace(/(?!\n)\p{Cc}/gu, '');
}
