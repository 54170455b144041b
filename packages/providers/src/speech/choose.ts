/**
 * Which speech provider this machine has: the one the settings name, or the first that can be used. Nothing is started; looking
 * is cheap enough for `doctor`, which tells the same.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { RunProgram, SpeechChoice, SpeechProvider } from '@reelfleet/core';
import { openAi } from '../openai/client.ts';
import { openAiSpeech } from './openai.ts';
import { pocketsphinxSpeech } from './pocketsphinx.ts';
import { whisperSpeech } from './whisper.ts';

export const speechProviders = ['openai', 'whisper.cpp', 'pocketsphinx'] as const;
export type SpeechProviderName = (typeof speechProviders)[number];

export interface SpeechSettings {
  /** Unset: the first that can be used. */
  SPEECH_PROVIDER?: SpeechProviderName | undefined;
  OPENAI_API_KEY?: string | undefined;
  OPENAI_BASE_URL?: string | undefined;
  OPENAI_SPEECH_MODEL: string;
  WHISPER_BINARY?: string | undefined;
  WHISPER_MODEL?: string | undefined;
}

export interface SpeechMachine {
  run: RunProgram;
  /** Threads for one program. */
  threads: number;
  env: NodeJS.ProcessEnv;
}

/** Whether each provider can be used here; `cure` says what is missing. */
export interface SpeechReport {
  name: SpeechProviderName;
  usable: boolean;
  cure: string;
}

const POCKETSPHINX = 'pocketsphinx_continuous';

/** All providers in the order in which they are chosen. */
export function speechReport(settings: SpeechSettings, env: NodeJS.ProcessEnv): SpeechReport[] {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: url, WHISPER_BINARY: binary, WHISPER_MODEL: model } = settings;
  return [
    {
      name: 'openai',
      // A server of one's own may ask for no key, but then it has to be named: an address alone is for language as well.
      usable: key !== undefined || (settings.SPEECH_PROVIDER === 'openai' && url !== undefined),
      cure: 'set OPENAI_API_KEY (and OPENAI_BASE_URL for another server than OpenAI)',
    },
    {
      name: 'whisper.cpp',
      usable: programAt(binary, env) !== null && isFile(model),
      cure: wanting(binary, model, env),
    },
    {
      name: 'pocketsphinx',
      usable: programAt(POCKETSPHINX, env) !== null,
      cure: 'install it (apt install pocketsphinx pocketsphinx-en-us)',
    },
  ];
}

function wanting(binary: string | undefined, model: string | undefined, env: NodeJS.ProcessEnv): string {
  if (binary === undefined || model === undefined)
    return 'set WHISPER_BINARY (its whisper-cli) and WHISPER_MODEL (a ggml model file)';
  return programAt(binary, env) === null
    ? `WHISPER_BINARY is ${binary}, which is no program here; give the path of whisper-cli`
    : `WHISPER_MODEL is ${model}, which is no file here; give the path of a ggml model`;
}

/** The provider to use, or the sentence that says how to get one. */
export function chooseSpeech(settings: SpeechSettings, { run, threads, env }: SpeechMachine): SpeechChoice {
  const wanted = settings.SPEECH_PROVIDER;
  const reports = speechReport(settings, env);
  const chosen = reports.find(({ name, usable }) => usable && (wanted === undefined || wanted === name));
  if (!chosen) return { missing: missingSpeech(reports, wanted) };
  const open: Record<SpeechProviderName, () => SpeechProvider> = {
    openai: () =>
      openAiSpeech(
        openAi({ apiKey: settings.OPENAI_API_KEY, baseUrl: settings.OPENAI_BASE_URL }),
        settings.OPENAI_SPEECH_MODEL,
      ),
    'whisper.cpp': () =>
      whisperSpeech(
        {
          binary: programAt(settings.WHISPER_BINARY, env) as string,
          model: settings.WHISPER_MODEL as string,
          threads,
        },
        run,
      ),
    pocketsphinx: () => pocketsphinxSpeech({ binary: programAt(POCKETSPHINX, env) as string }, run),
  };
  return open[chosen.name]();
}

/** Why nothing can be transcribed here, and all the ways out. */
function missingSpeech(reports: readonly SpeechReport[], wanted: SpeechProviderName | undefined): string {
  if (wanted !== undefined) {
    const { cure } = reports.find(({ name }) => name === wanted) as SpeechReport;
    return `SPEECH_PROVIDER is "${wanted}", which cannot be used on this worker: ${cure}`;
  }
  const ways = reports.map(({ name, cure }) => `${name}: ${cure}`).join('; ');
  return `this worker has no speech provider, so nothing can be transcribed (${ways}); or order without transcription`;
}

/** The path of a program: as given when it has a slash, else where PATH has it. */
function programAt(name: string | undefined, env: NodeJS.ProcessEnv): string | null {
  if (name === undefined) return null;
  const candidates = name.includes('/')
    ? [name]
    : (env.PATH ?? '').split(delimiter).map((folder) => join(folder, name));
  return candidates.find((path) => isFile(path) && mayRun(path)) ?? null;
}

function isFile(path: string | undefined): boolean {
  return path !== undefined && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? false);
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
