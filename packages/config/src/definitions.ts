/**
 * Every setting of the product: name, meaning, default and form, once. The table, the schema, `reelfleet config` and
 * the example file all follow from this list. A number that was chosen says why.
 */
import type { z } from 'zod';
import { concurrency, folder, type Kind, matching, oneOf, stageList, storageUrl, url, whole } from './kinds.ts';

export interface Definition<S extends z.ZodType = z.ZodType> extends Kind<S> {
  meaning: string;
  /** The default for people, as the table shows it. */
  default: string;
  secret?: true;
}

export interface Place {
  /** Where relative paths begin. */
  cwd: string;
  /** The stages there are; undefined: any name that could be one. */
  stages: readonly string[] | undefined;
}

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const ms = (least: number, most: number) => whole(least, most, 'milliseconds');
const port = () => whole(0, 65_535);

/** A setting that something else decides when it is not given. */
function free<S extends z.ZodType>(kind: Kind<S>, shown: string, meaning: string) {
  return { meaning, default: shown, takes: kind.takes, schema: kind.schema.optional() };
}

function fixed<S extends z.ZodType>(kind: Kind<S>, value: z.output<S> & (string | number), meaning: string) {
  return {
    meaning,
    default: String(value),
    takes: kind.takes,
    schema: kind.schema.optional().transform((given) => given ?? value),
  };
}

function secret(meaning: string, least = 1) {
  const kind = matching(
    `at least ${least} character${least > 1 ? 's' : ''}, none of them a line break`,
    new RegExp(`^[^\\r\\n]{${least},}$`),
  );
  return { ...free(kind, 'unset', meaning), secret: true as const };
}

export function definitions({ cwd, stages }: Place) {
  return {
    DATABASE_URL: free(
      url('postgres://user:password@host:5432/database', 'postgres', 'postgresql'),
      'unset: `reelfleet up` starts its own Postgres below `REELFLEET_DATA`',
      'Postgres 15 or newer, where the truth lives',
    ),
    REDIS_URL: free(
      url('redis://host:6379 or rediss://host:6379', 'redis', 'rediss'),
      "unset: BullMQ's Postgres backend on `DATABASE_URL`, schema `bullmq`",
      'Redis or Valkey for BullMQ',
    ),
    STORAGE_URL: free(
      storageUrl(cwd),
      '`storage` below `REELFLEET_DATA`',
      'where files are kept: `file:///abs/path` or `gs://bucket/prefix`',
    ),
    GOOGLE_APPLICATION_CREDENTIALS: free(
      matching('the path of a file', /^[^\0\r\n]+$/),
      'unset: the credentials of the machine, where Google gives it some',
      'key file of the service account for a `gs:` store',
    ),
    STORAGE_EMULATOR_HOST: free(
      url('http://host:port', 'http', 'https'),
      "unset: Google's own",
      'another address for a `gs:` store: an emulator, which is asked without credentials',
    ),
    REELFLEET_DATA: free(
      folder(cwd),
      '.reelfleet',
      'folder of the embedded default: Postgres, storage, logs, `run.json`',
    ),
    REELFLEET_STAGES: free(stageList(stages), 'all', 'stages a worker serves, separated by commas'),
    REELFLEET_CONCURRENCY: free(
      concurrency(stages),
      'by stage policy and CPU count',
      'tasks at once per worker process: `4` or `music=8,transcode=1`',
    ),
    // Long enough that a garbage collection or a slow disk is no death, short enough that a dead worker's task waits
    // half a minute at most.
    REELFLEET_LEASE_MS: fixed(ms(500, HOUR), 30_000, 'how long a claim holds without a beat, in milliseconds'),
    REELFLEET_HEARTBEAT_MS: free(
      ms(50, HOUR),
      '10000, or a third of a shorter lease',
      'between beats, in milliseconds; less than half of the lease',
    ),
    // Container runtimes kill after 30 s.
    REELFLEET_GRACE_MS: fixed(
      ms(0, HOUR),
      25_000,
      'how long SIGTERM lets running work finish or checkpoint, in milliseconds',
    ),
    REELFLEET_SWEEP_MS: fixed(ms(50, HOUR), 1_000, 'between sweeps of the whole fleet, in milliseconds'),
    REELFLEET_WORKER_NAME: free(
      matching('1 to 100 letters, digits and . _ - without spaces', /^[A-Za-z0-9._-]{1,100}$/),
      'host-pid',
      'the name people know this worker by',
    ),
    REELFLEET_SCRATCH: free(
      folder(cwd),
      '`reelfleet-<user id>` below the folder for temporary files',
      'scratch folder; what dead workers left in it is removed',
    ),
    // ffmpeg on a full disk writes a short file and says it went well; half a gigabyte holds one task's products (a
    // chunk in all its qualities, a track in both forms) with room to notice the next claim is not to be made.
    REELFLEET_MIN_FREE_MB: fixed(
      whole(0, 100_000_000, 'megabytes'),
      512,
      'no claims while the scratch folder has less free space, in megabytes',
    ),
    // Hardware comes with the machine, not with the product: a worker uses what it is told to, once it has tried it.
    REELFLEET_ENCODERS: free(
      matching(
        'h264, hevc or av1 with _nvenc, _vaapi, _qsv or _videotoolbox, separated by commas',
        /^((av1_nvenc|(h264|hevc)_(nvenc|vaapi|qsv|videotoolbox))(,\s*(?!$)|$))+$/,
      ),
      'none: video is encoded in software',
      'hardware encoders a worker may use for streams, best first: `h264_nvenc,hevc_nvenc`',
    ),
    REELFLEET_OFFLINE_MS: free(
      ms(100, 24 * HOUR),
      'two leases',
      'when a silent worker counts as offline, in milliseconds',
    ),
    REELFLEET_PAUSE_AT: free(
      matching('the name of a point in the code, such as after-claim', /^[a-z][a-z0-9-]*([:@/=][a-z0-9-]+)*$/),
      'unset',
      'tests only: stops a worker at a named point',
    ),
    REELFLEET_RETENTION_DAYS: fixed(
      whole(1, 36_500, 'days'),
      90,
      'how long ended runs, tickets, audit rows of deleted tasks and offline workers stay, in days',
    ),
    ARCHIVE_RETENTION_DAYS: fixed(whole(0, 36_500, 'days'), 30, 'how long soft-deleted videos stay, in days'),
    // A worker opens what a user names from inside of its network; see packages/providers/src/web/addresses.ts.
    REELFLEET_ALLOW_PRIVATE_URLS: fixed(
      oneOf('no', 'yes'),
      'no',
      'whether an import may open addresses of this machine and of private networks',
    ),
    // An hour of 4K at 100 Mbit/s, the most that cameras for the web record, has 45 GB.
    REELFLEET_IMPORT_MAX_MB: fixed(
      whole(1, 100_000_000, 'megabytes'),
      50_000,
      'how large an imported file may be, in megabytes',
    ),
    // Those 50 GB at 20 Mbit/s.
    REELFLEET_IMPORT_MINUTES: fixed(whole(1, 30_000, 'minutes'), 360, 'how long a download may take, in minutes'),
    REELFLEET_PASSWORD: secret('what the console and the API ask for; needed when the server listens off loopback', 8),
    METRICS_PORT: free(
      port(),
      'unset: counters ride the beat and the server sums them',
      "port of a worker's own `/metrics`",
    ),
    LOG_LEVEL: fixed(oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'), 'info', 'how much is logged'),
    PORT: fixed(port(), 3000, 'port of the server; 0 takes a free one'),
    HOST: fixed(
      matching(
        'a host name or an IP address',
        /^(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9A-Fa-f:.]{2,45}$/,
      ),
      '127.0.0.1',
      'address the server listens on, and a worker with METRICS_PORT',
    ),
    MUSIC_PROVIDER: fixed(oneOf('dummy', 'mubert', 'beatoven'), 'dummy', 'who makes tracks; `dummy` needs no network'),
    IMAGE_PROVIDER: fixed(oneOf('dummy', 'leonardo', 'gemini'), 'dummy', 'who makes stills; `dummy` needs no network'),
    SPEECH_PROVIDER: free(
      oneOf('openai', 'whisper.cpp', 'pocketsphinx'),
      'the first that can be used: `openai` (its key is set), `whisper.cpp` (program and model are), `pocketsphinx` (installed)',
      'who transcribes; `whisper.cpp` and `pocketsphinx` need no network',
    ),
    LANGUAGE_PROVIDER: fixed(
      oneOf('builtin', 'openai'),
      'builtin',
      'who writes prompts and finds moments; `builtin` needs no network',
    ),
    MUBERT_API_KEY: secret('key for `MUSIC_PROVIDER=mubert`'),
    BEATOVEN_API_KEY: secret('key for `MUSIC_PROVIDER=beatoven`'),
    LEONARDO_API_KEY: secret('key for `IMAGE_PROVIDER=leonardo`'),
    GEMINI_API_KEY: secret('key for `IMAGE_PROVIDER=gemini`'),
    OPENAI_API_KEY: secret('key for the providers named `openai`'),
    OPENAI_BASE_URL: free(
      url('https://host/v1', 'https', 'http'),
      "unset: OpenAI's own",
      'an OpenAI-compatible endpoint for the providers named `openai`',
    ),
    // The API's other models do not tell when a word was said.
    OPENAI_SPEECH_MODEL: fixed(
      matching('the name of a model', /^\S{1,100}$/),
      'whisper-1',
      'what `SPEECH_PROVIDER=openai` transcribes with; it must give the times of words',
    ),
    OPENAI_LANGUAGE_MODEL: fixed(
      matching('the name of a model', /^\S{1,100}$/),
      'gpt-4.1-mini',
      'what `LANGUAGE_PROVIDER=openai` asks where an order names no model',
    ),
    WHISPER_BINARY: free(
      matching('the path of a program', /^[^\0\r\n]+$/),
      'unset',
      'the program of whisper.cpp (`whisper-cli`) for `SPEECH_PROVIDER=whisper.cpp`',
    ),
    WHISPER_MODEL: free(matching('the path of a file', /^[^\0\r\n]+$/), 'unset', 'its model, a file in ggml format'),
  } satisfies Record<string, Definition>;
}
