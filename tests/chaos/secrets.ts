/**
 * What must never be read in a log: secrets planted in the settings of every worker, told apart by their shape from
 * anything that could be there by accident.
 */
export interface Secrets {
  /** Settings that hold one, for the environment of the workers. */
  readonly env: Readonly<Record<string, string>>;
  /** The bare secrets. */
  readonly values: readonly string[];
}

/** `databasePassword` is planted already: it is part of every worker's DATABASE_URL. */
export function plantSecrets(databasePassword: string): Secrets {
  const env = {
    REELFLEET_PASSWORD: 'planted-console-7b1f9c',
    MUBERT_API_KEY: 'planted-mubert-2d8e40',
    LEONARDO_API_KEY: 'planted-leonardo-91ac37',
    OPENAI_API_KEY: 'sk-planted-openai-5e6f02',
  };
  return { env, values: [databasePassword, ...Object.values(env)] };
}

/** The lines that give one away, each cut to where it does. Pure. */
export function leaks(lines: readonly string[], secrets: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const at = secrets.map((secret) => line.indexOf(secret)).find((index) => index >= 0);
    return at === undefined ? [] : [`${line.slice(Math.max(0, at - 80), at)}<secret>`];
  });
}
