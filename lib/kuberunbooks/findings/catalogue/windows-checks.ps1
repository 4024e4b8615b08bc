"PS> hostname"
hostname
"PS> ipconfig /all"
ipconfig /all
"PS> Get-HnsNetwork"
Get-HnsNetwork | Select-Object Name, Type, ID, ManagementIP, Subnets | ConvertTo-Json -Depth 4
"PS> Get-NetAdapter"
Get-NetAdapter | Select-Object Name, InterfaceDescription, Status, MacAddress | ConvertTo-Json
"PS> Get-HnsEndpoint"
Get-HnsEndpoint | Select-Object Name, IPAddress, MacAddress, VirtualNetworkName, IsRemoteEndpoint | ConvertTo-Json
"PS> Get-Content config.toml"
Get-Content "C:\Program Files\containerd\config.toml" -ErrorAction SilentlyContinue
"PS> Get-Content cni.conf"
Get-Content "C:\etc\cni\net.d\*.conf*", "C:\Program Files\containerd\cni\conf\*.conf*", "C:\k\cni\config\*.conf*" -ErrorAction SilentlyContinue
"PS> Get-CimInstance Win32_Process"
Get-CimInstance Win32_Process -Filter "Name = 'kube-proxy.exe'" | Select-Object CommandLine | ConvertTo-Json
"PS> Get-ChildItem SourceVip"
Get-ChildItem C:\k\SourceVip*.json, C:\sourcevip\*.json -ErrorAction SilentlyContinue | Select-Object FullName, LastWriteTimeUtc | ConvertTo-Json
Get-Content C:\k\SourceVip.json, C:\sourcevip\sourceVip.json -ErrorAction SilentlyContinue
"PS> Get-Content subnet.env"
Get-Content C:\run\flannel\subnet.env -ErrorAction SilentlyContinue
"PS> proxies"
"HTTP_PROXY=" + [Environment]::GetEnvironmentVariable("HTTP_PROXY", "Machine")
"HTTPS_PROXY=" + [Environment]::GetEnvironmentVariable("HTTPS_PROXY", "Machine")
