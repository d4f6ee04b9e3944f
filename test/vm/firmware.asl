// SPDX-License-Identifier: Apache-2.0
// What firmware of a Kunpeng server gives the drivers: _DSM, function 1 of
// which configures the clusters of the HPRE of Kunpeng 920, and the methods
// that reset an engine after an error.  S28 is what QEMU calls slot 5, where
// test/vm/run puts the device.
DefinitionBlock ("", "SSDT", 2, "WD", "WDFIRMW", 1)
{
    External (\_SB.PCI0.S28, DeviceObj)

    Scope (\_SB.PCI0.S28)
    {
        Method (_DSM, 4)
        {
            If (Arg0 == ToUUID ("b06b81ab-0134-4a45-9b0c-483447b95fa7"))
            {
                If (ToInteger (Arg2) == 0)
                {
                    Return (Buffer () { 0x03 })
                }
                Return (One)
            }
            Return (Buffer () { 0x00 })
        }

        // Resets of the engine alone: PCI configuration lives on.  What does
        // that here is a function-level reset with the configuration put
        // back behind it.
        OperationRegion (CFGS, PCI_Config, 0x00, 0x100)
        Field (CFGS, DWordAcc, NoLock, Preserve)
        {
            Offset (0x04), COMD, 32,
            Offset (0x18), BAR2, 32, BAR3, 32, BAR4, 32, BAR5, 32,
            Offset (0x48), DCTL, 32, // PCI Express: device control
            Offset (0x80), MSIC, 32, MSIL, 32, MSIH, 32, MSID, 32, MSIM, 32
        }

        Method (RSTE, 0, Serialized)
        {
            Name (BARS, Package () { 0, 0, 0, 0 })
            Name (MSIS, Package () { 0, 0, 0, 0, 0 })
            BARS [0] = BAR2
            BARS [1] = BAR3
            BARS [2] = BAR4
            BARS [3] = BAR5
            MSIS [0] = MSIL
            MSIS [1] = MSIH
            MSIS [2] = MSID
            MSIS [3] = MSIM
            MSIS [4] = MSIC
            Local0 = COMD
            DCTL |= 0x8000
            Sleep (100)
            BAR2 = DerefOf (BARS [0])
            BAR3 = DerefOf (BARS [1])
            BAR4 = DerefOf (BARS [2])
            BAR5 = DerefOf (BARS [3])
            MSIL = DerefOf (MSIS [0])
            MSIH = DerefOf (MSIS [1])
            MSID = DerefOf (MSIS [2])
            MSIM = DerefOf (MSIS [3])
            MSIC = DerefOf (MSIS [4])
            COMD = Local0
            Return (Zero) // done
        }

        Method (HRST) { Return (RSTE ()) }
        Method (SRST) { Return (RSTE ()) }
        Method (ZRST) { Return (RSTE ()) }
    }
}
