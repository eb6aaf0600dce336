"""dm-verity: a hash tree after a filesystem, with which the kernel checks what it reads.

```
0                     hash_offset                                            size
+---------------------+------------+--------------+-----+-------------------+
| the filesystem      | superblock | root's block | ... | digests of blocks |
+---------------------+------------+--------------+-----+-------------------+
                                   ^ tree_offset
```

The root hash covers everything before `hash_offset`: if you trust it you can trust the image,
wherever it comes from. The format is that of `veritysetup format`, with hash type 1 and sha256.

result      what was made
superblock  the hash area's superblock
segments    where a file has data, and where it has holes
tree        the levels and their places
append      the whole area, after a file's data
kernel      the kernel's command line for it
writing     how the filesystem writer uses it
"""

from pyext4.verity.append import append_verity
from pyext4.verity.kernel import kernel_arguments
from pyext4.verity.result import Verity

__all__ = ["Verity", "append_verity", "kernel_arguments"]
