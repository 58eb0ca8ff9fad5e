import { createTarPacker, type TarHeader, type TarPackController } from 'modern-tar';
import { streamOf } from './stream.ts';

export interface StreamedFile {
  readonly path: string;
  readonly size: number;
  readonly isExecutable: boolean;
  open(): Promise<AsyncIterable<Uint8Array>> | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A tar of files that need not be in memory. Its bytes depend on nothing but paths, contents and executable bits. */
export function packStream(files: readonly StreamedFile[]): ReadableStream<Uint8Array> {
  return streamOf(pack(files));
}

async function* pack(files: readonly StreamedFile[]): AsyncGenerator<Uint8Array> {
  const { readable, controller } = createTarPacker();
  const filled = fill(files, controller).catch((error: unknown) => controller.error(error));
  try {
    yield* readable;
  } finally {
    await filled;
  }
}

async function fill(files: readonly StreamedFile[], controller: TarPackController): Promise<void> {
  for (const file of files) {
    const body = controller.add(headerOf(file)).getWriter();
    for await (const chunk of await file.open()) await body.write(chunk);
    await body.close();
  }
  controller.finalize();
}

const common = { type: 'file', mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' } as const;

function headerOf({ path, size, isExecutable }: StreamedFile): TarHeader {
  return { ...common, name: path, size, mode: isExecutable ? 0o755 : 0o644 };
}
