/**
 * The magic numbers of superblocks, each from the description of its format, under blkid's names. Formats that
 * keep their superblock at the end of the medium, or are told by two bytes only, are left out: nobody makes
 * images of them.
 */
import { extType, isExtJournal } from './ext.ts';
import { isFat } from './fat.ts';
import { squashfsType } from './squashfs.ts';
import { isSwapVersion1 } from './swap.ts';

/** What a recognised format is used for. Only file systems and crypto containers make an image; blkid: USAGE. */
export type Usage = 'filesystem' | 'crypto' | 'other';

/** How a format is recognised. */
export interface Signature {
  /** The name, or what finds it out from the first bytes of the medium; undefined: it is none after all. */
  readonly type: string | ((bytes: Buffer) => string | undefined);
  readonly usage: Usage;
  /** Any one of these is enough. */
  readonly magics: readonly Magic[];
}

interface Magic {
  /** Bytes from the start of the medium. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** A magic number, as text (latin1) or as bytes. */
function magic(offset: number, bytes: string | readonly number[]): Magic {
  return { offset, bytes: typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes) };
}

const extMagic = magic(1024 + 56, [0x53, 0xef]);

/** Swap areas end their first page, of whatever size, with the magic number. */
const swapPages = [4096, 8192, 16_384, 32_768, 65_536];

function swap(...names: readonly string[]): readonly Magic[] {
  return swapPages.flatMap((page) => names.map((name) => magic(page - 10, name)));
}

export const signatures: readonly Signature[] = [
  { type: 'crypto_LUKS', usage: 'crypto', magics: [magic(0, 'LUKS\xba\xbe'), magic(0x4000, 'SKUL\xba\xbe')] },
  { type: 'DM_verity_hash', usage: 'crypto', magics: [magic(0, 'verity\0\0')] },
  { type: 'DM_integrity', usage: 'crypto', magics: [magic(0, 'integrt\0')] },
  { type: 'BitLocker', usage: 'crypto', magics: [magic(3, '-FVE-FS-')] },
  { type: squashfsType, usage: 'filesystem', magics: [magic(0, 'hsqs'), magic(0, 'sqsh')] },
  { type: 'erofs', usage: 'filesystem', magics: [magic(1024, [0xe2, 0xe1, 0xf5, 0xe0])] },
  { type: extType, usage: 'filesystem', magics: [extMagic] },
  { type: (bytes) => (isExtJournal(bytes) ? 'jbd' : undefined), usage: 'other', magics: [extMagic] },
  { type: 'btrfs', usage: 'filesystem', magics: [magic(0x1_0040, '_BHRfS_M')] },
  { type: 'xfs', usage: 'filesystem', magics: [magic(0, 'XFSB')] },
  { type: 'f2fs', usage: 'filesystem', magics: [magic(1024, [0x10, 0x20, 0xf5, 0xf2])] },
  {
    type: (bytes) => (isFat(bytes) ? 'vfat' : undefined),
    usage: 'filesystem',
    magics: [magic(510, [0x55, 0xaa]), magic(54, 'FAT'), magic(82, 'FAT')],
  },
  { type: 'exfat', usage: 'filesystem', magics: [magic(3, 'EXFAT   ')] },
  { type: 'ntfs', usage: 'filesystem', magics: [magic(3, 'NTFS    ')] },
  { type: 'iso9660', usage: 'filesystem', magics: [magic(0x8001, 'CD001')] },
  { type: 'udf', usage: 'filesystem', magics: [magic(0x8001, 'BEA01')] },
  { type: 'cramfs', usage: 'filesystem', magics: [magic(0, [0x45, 0x3d, 0xcd, 0x28])] },
  { type: 'romfs', usage: 'filesystem', magics: [magic(0, '-rom1fs-')] },
  {
    type: 'reiserfs',
    usage: 'filesystem',
    magics: ['ReIsErFs', 'ReIsEr2Fs', 'ReIsEr3Fs'].map((name) => magic(0x1_0034, name)),
  },
  { type: 'jfs', usage: 'filesystem', magics: [magic(0x8000, 'JFS1')] },
  {
    type: (bytes) => (isSwapVersion1(bytes) ? 'swap' : undefined),
    usage: 'other',
    magics: swap('SWAPSPACE2'),
  },
  { type: 'swap', usage: 'other', magics: swap('SWAP-SPACE') },
  { type: 'swsuspend', usage: 'other', magics: swap('S1SUSPEND', 'S2SUSPEND', 'ULSUSPEND', 'LINHIB0001') },
  {
    type: 'LVM2_member',
    usage: 'other',
    magics: [0, 1, 2, 3].map((sector) => magic(sector * 512 + 24, 'LVM2 001')),
  },
  {
    type: 'linux_raid_member',
    usage: 'other',
    magics: [0, 4096].map((offset) => magic(offset, [0xfc, 0x4e, 0x2b, 0xa9])),
  },
];
