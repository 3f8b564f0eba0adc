/** On-disk structures, declared once as a list of fields; sizes and offsets follow from it. */

const fieldBytes = { u16: 2, u32: 4, u64: 8 } as const;

type FieldType = keyof typeof fieldBytes;

/** The values of a structure: 64-bit fields are bigint. */
export type Fields<T extends Readonly<Record<string, FieldType>>> = {
  readonly [Name in keyof T]: T[Name] extends 'u64' ? bigint : number;
};

export interface Layout<T extends Readonly<Record<string, FieldType>>> {
  /** Bytes. */
  readonly size: number;
  /** The fields of the structure that `bytes` starts with; there must be `size` bytes. */
  parse(bytes: Buffer): Fields<T>;
}

/** @param fields name → type, in the order stored, little endian, without gaps */
export function layout<const T extends Readonly<Record<string, FieldType>>>(fields: T): Layout<T> {
  const steps: { readonly name: string; readonly type: FieldType; readonly offset: number }[] = [];
  let size = 0;
  for (const [name, type] of Object.entries(fields)) {
    steps.push({ name, type, offset: size });
    size += fieldBytes[type];
  }
  return {
    size,
    parse(bytes) {
      const values: Record<string, number | bigint> = {};
      for (const { name, type, offset } of steps) values[name] = readField(bytes, type, offset);
      return values as Fields<T>;
    },
  };
}

function readField(bytes: Buffer, type: FieldType, offset: number): number | bigint {
  switch (type) {
    case 'u16':
      return bytes.readUInt16LE(offset);
    case 'u32':
      return bytes.readUInt32LE(offset);
    case 'u64':
      return bytes.readBigUInt64LE(offset);
  }
}
