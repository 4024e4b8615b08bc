"""Secrets in every form they are met in, and ordinary text that looks like one and is none.

`SECRETS` maps a text to the parts of it that must not come out; none of them is
real. `ORDINARY` must come out as it went in. Tokens are put together here so
that scanners of this repository do not take them for leaks.
"""

# ruff: noqa: E501 - one text a line reads better than wrapped ones
from __future__ import annotations

B64 = "MIIEpAIBAAKCAQEA7cYp8Vn0Zq2r3b1TtYfX9kLmNoPqRsTuVwXyZ0123456789ab"
PEM_LINES = ["-----BEGIN RSA " + "PRIVATE KEY-----", B64, B64[::-1], "-----END RSA " + "PRIVATE KEY-----"]
JWT = "eyJ" + "hbGciOiJSUzI1NiIsImtpZCI6Ilg3In0.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLWhlcmU_x-9"
GITHUB = "ghp" + "_16C7e42F292c6912E7710c838347Ae178B4a"
GITLAB = "glpat" + "-x9Yz8W7v6U5t4S3r2Q1p"
SLACK = "xoxb" + "-2345678901-abcdefGHIJKL123456"
STRIPE = "sk" + "_live_4eC39HqLyjWDarjtT1zdp7dc"
AWS_ID = "AKIA" + "IOSFODNN7EXAMPLE"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
GOOGLE = "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
SAS = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE%3D"
BASIC = "YWRtaW46aHVudGVyMi1iYXNpYw=="

SECRETS: dict[str, list[str]] = {
    "connect postgres://pay:s3cr3tpw@db.shop.svc:5432/pay": ["s3cr3tpw"],
    "redis://:R3dis-Pw!@cache:6379/0 ready": ["R3dis-Pw!"],
    "mongodb+srv://app:p%40ss%2Fw0rd@c0.example.net/db?w=majority": ["p%40ss%2Fw0rd"],
    "amqp://svc:ab/Cd+12==@mq:5672/vhost": ["ab/Cd+12=="],
    "amqp://svc:p@ss@mq:5672": ["p@ss"],
    "https://0123456789abcdef0123456789abcdef@sentry.example.com/4": ["0123456789abcdef0123456789abcdef"],
    "app:tr0ub4dor@tcp(mysql:3306)/shop?parseTime=true": ["tr0ub4dor"],
    "jdbc:oracle:thin:scott/T1ger!@//db:1521/x": ["T1ger!"],
    "jdbc:mysql://db/shop?user=app&password=Gx7pQ2&useSSL=false": ["Gx7pQ2"],
    "Server=tcp:sql,1433;User ID=sa;Password=Yukon900!x;Encrypt=true": ["Yukon900!x"],
    "Driver={ODBC};Uid=sa;Pwd=Kat8ze;": ["Kat8ze"],
    f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={AZURE_KEY};EndpointSuffix=core.windows.net": [AZURE_KEY[:40]],
    "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=4Hx9kLmNoPqRsTuVwXyZ0123=": ["4Hx9kLmNoPqRsTuVwXyZ0123"],
    f"GET https://a.blob.core.windows.net/c/b?sv=2024-01-01&se=2026&sig={SAS}&sp=r": [SAS],
    "host=db user=app password='two words' dbname=x": ["two words"],
    "Authorization: Bearer abcDEF123456.ghi-789": ["abcDEF123456.ghi-789"],
    f"authorization: Basic {BASIC}": [BASIC],
    f"> Authorization: Basic {BASIC}\n> Host: x": [BASIC],
    f'curl -H "Authorization: Bearer {JWT}" https://x': [JWT[:30], "c2lnbmF0dXJl"],
    f"token is {JWT}": ["eyJpc3MiOiJrdWJlcm5ldGVzIn0"],
    "Proxy-Authorization: Token 0f9e8d7c6b5a49382716": ["0f9e8d7c6b5a49382716"],
    "X-Api-Key: a1b2c3d4e5f6a7b8": ["a1b2c3d4e5f6a7b8"],
    "curl -u admin:Hun7er22 https://x": ["Hun7er22"],
    "mysql -uroot -pR00tPw! shop": ["R00tPw!"],
    "sshpass -p 'My5shPass' ssh x": ["My5shPass"],
    "redis-cli -h cache -a Red1sCli ping": ["Red1sCli"],
    "psql: PGPASSWORD=pg-S3cret psql -h db": ["pg-S3cret"],
    "password=hunter2hunter": ["hunter2hunter"],
    "password: hunter2": ["hunter2"],
    "Password : hunter2\n": ["hunter2"],
    '"password": "x7!kq"': ["x7!kq"],
    '{"db":{"passwd":"a\\"b7cdef"}}': ["b7cdef"],
    '{\\"password\\":\\"n3sted\\"}': ["n3sted"],
    "db_password => 'ruby7Pass'": ["ruby7Pass"],
    "spring.datasource.password=Spr1ngPw": ["Spr1ngPw"],
    "starting with --password S3cr3tArg --port 80": ["S3cr3tArg"],
    "--password=S3cr3tArg2": ["S3cr3tArg2"],
    '["--api-key","k3y-in-a-list","--port","80"]': ["k3y-in-a-list"],
    "apiKey: 9f8e7d6c5b4a": ["9f8e7d6c5b4a"],
    "client_secret=QsYtR6Vz": ["QsYtR6Vz"],
    "user=admin pass=hunter2": ["hunter2"],
    "?access_token=abcdef0123456789&x=1": ["abcdef0123456789"],
    "token=Zx81kQ09aa": ["Zx81kQ09aa"],
    "secret_key_base: 3f1e5d7c9b": ["3f1e5d7c9b"],
    "SECRET=Gr8Sekret!": ["Gr8Sekret!"],
    "Set-Cookie: JSESSIONID=0A1B2C3D4E5F60718293; Path=/": ["0A1B2C3D4E5F60718293"],
    f"aws_access_key_id = {AWS_ID}\naws_secret_access_key = {AWS_SECRET}": [AWS_ID, AWS_SECRET],
    f"creds {AWS_ID} / {AWS_SECRET}": [AWS_ID, AWS_SECRET],
    f"pushed with {GITHUB}": [GITHUB],
    f"clone https://oauth2:{GITLAB}@gitlab.example.com/x.git": [GITLAB],
    f"https://{GITHUB}@github.com/x": [GITHUB],
    f"slack {SLACK}": [SLACK],
    "POST https://hooks.slack.com/services/" + "T024BE7LD/B024BE7LD/abcdefGH12345678": ["abcdefGH12345678"],
    f"stripe {STRIPE}": [STRIPE],
    f"maps?key={GOOGLE}": [GOOGLE],
    "hvs" + ".CAESIJ0123456789abcdefghij": ["CAESIJ0123456789abcdefghij"],
    "\n".join(PEM_LINES): [B64, B64[::-1]],
    "\\n".join(PEM_LINES): [B64, B64[::-1]],
    "\n".join(f"2026-11-23T21:17:32.505684314Z {line}" for line in PEM_LINES): [B64, B64[::-1]],
    "\n".join(PEM_LINES[:3]): [B64, B64[::-1]],
    '{"type":"service_account","private_key_id":"0a1b2c3d4e5f","private_key":"' + "\\n".join(PEM_LINES) + '"}': [B64, "0a1b2c3d4e5f"],
    '{"auths":{"r.example.com":{"username":"ci","password":"D0ckerPw","auth":"' + BASIC + '"}}}': ["D0ckerPw", BASIC],
    '"env":[{"name":"DB_PASSWORD","value":"envpw"}]': ["envpw"],
    '\\"env\\":[{\\"name\\":\\"API_TOKEN\\",\\"value\\":\\"env-tok\\"}]': ["env-tok"],
    "- name: DB_PASSWORD\n  value: yaml-pw\n": ["yaml-pw"],
    "{name: DB_PASSWORD, value: flow-pw}": ["flow-pw"],
}  # fmt: skip

ORDINARY: list[str] = [
    "tests: pass=31 fail=0, result pass: ok",
    'MountVolume.SetUp failed for volume "creds" : secret "vault-approle" not found',
    "couldn't find key SMTP_PASSWORD in Secret shop/mailer",
    "key SMTP_PASSWORD missing in Secret mailer",
    'FATAL: password authentication failed for user "app"',
    "invalid password: must be at least 8 characters",
    "Error: secret key not set",
    "unexpected token: }",
    "invalid token: expired",
    "token: Unexpected",
    "SyntaxError: Unexpected token < in JSON at position 0",
    "max_tokens: 4096, total_tokens=123456789",
    "nextToken=abcdef0123456789",
    "imagePullSecrets: [{name: regcred}]",
    '"imagePullSecrets":[{"name":"registry-credentials-2024"}]',
    '"secretName":"vault-approle-2026"',
    '"secretKeyRef":{"name":"db-2","key":"password"}',
    '{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"key":"password","name":"db"}}}',
    "automountServiceAccountToken: false",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    '"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}',
    "--tls-private-key-file=/etc/kubernetes/pki/apiserver.key",
    "--private-key /etc/tls/tls.key",
    "password=$(DB_PASSWORD) token=${TOKEN} secret=$SECRET",
    "password: <none>, password=****",
    "password: REDACTED",
    'reconciling secret="kube-system/bootstrap-token-abcdef" name=x',
    "docker.io/library/nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "containerd://4e5c7dc26b7445d872bcd1926e745e1e1f8b4545455f4fe4087dfb3beda18793",
    "payments-84954975fb-87ngd 3f0c2d1e-5b6a-4c7d-8e9f-0a1b2c3d4e5f",
    "https://registry.shop.test:5000/v2/storefront/manifests/1.0",
    "http://10.244.0.7:8080/healthz?user=me@example.com",
    "http://host:8080/path/@user",
    "git@github.com:org/repo.git",
    'Get "https://10.0.0.1:10250/containerLogs": dial tcp: connect: connection refused',
    "2026-11-23T21:17:32.505684314Z commit 6f1ed002ab5595859014ebf0951522d9b7dd1f3a",
    "basic authentication failed, bearer realm=example",
    "unauthorized: authentication required",
    'www-authenticate: Bearer realm="https://auth.docker.io/token",service="registry.docker.io"',
    "auth: no credentials provided",
    "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQeA0\n-----END CERTIFICATE-----",
    "kubectl create secret generic db --from-literal=x",
    "User system:serviceaccount:shop:web cannot list resource secrets in API group",
    "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.",
    "sort key: name, primary_key=1234567890, cache-key: 0a1b2c3d4e5f6a7b8c9d",
    "docker run --user 1000:1000 x",
    "grafana-sk-dashboards-for-everyone-in-the-cluster-2026",
    "exit status 137: OOMKilled\ttab stays\nline stays é 日本",
]
