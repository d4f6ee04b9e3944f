// SPDX-License-Identifier: Apache-2.0
// What firmware of a Kunpeng 920 gives the driver of its HPRE: the method
// _DSM, function 1 of which configures the clusters.  S28 is what QEMU calls
// slot 5, where test/vm/run puts the device.
DefinitionBlock ("", "SSDT", 2, "WD", "WDHPRE", 1)
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
    }
}
